"""Defaults of everything that is not a pod."""

import pytest
import yaml

CASES = [
    (
        "deployments.apps",
        "{}",
        """
        spec:
          replicas: 1
          revisionHistoryLimit: 10
          progressDeadlineSeconds: 600
          strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%, maxSurge: 25%}}
        """,
    ),
    (
        "deployments.apps",
        "spec: {strategy: {type: Recreate}}",
        "spec: {strategy: {type: Recreate}}",
    ),
    (
        "deployments.apps",
        "spec: {replicas: 0, strategy: {rollingUpdate: {maxSurge: 0}}}",
        "spec: {replicas: 0, strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 25%}}}",
    ),
    ("replicasets.apps", "{}", "spec: {replicas: 1}"),
    (
        "daemonsets.apps",
        "{}",
        """
        spec:
          revisionHistoryLimit: 10
          updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}
        """,
    ),
    (
        "daemonsets.apps",
        "spec: {updateStrategy: {type: OnDelete}}",
        "spec: {updateStrategy: {type: OnDelete}}",
    ),
    (
        "statefulsets.apps",
        "spec: {volumeClaimTemplates: [{metadata: {name: a}}]}",
        """
        spec:
          replicas: 1
          revisionHistoryLimit: 10
          podManagementPolicy: OrderedReady
          updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}
          persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
          volumeClaimTemplates:
            - apiVersion: v1
              kind: PersistentVolumeClaim
              metadata: {name: a}
              spec: {volumeMode: Filesystem}
              status: {phase: Pending}
        """,
    ),
    (
        "jobs.batch",
        "spec: {template: {metadata: {labels: {a: b}}}}",
        """
        metadata: {labels: {a: b}}
        spec:
          completions: 1
          parallelism: 1
          backoffLimit: 6
          completionMode: NonIndexed
          suspend: false
          manualSelector: false
          podReplacementPolicy: TerminatingOrFailed
        """,
    ),
    ("jobs.batch", "spec: {completions: 3}", "spec: {completions: 3, parallelism: 1}"),
    (
        "jobs.batch",
        """
        spec:
          backoffLimitPerIndex: 1
          podFailurePolicy: {rules: [{onPodConditions: [{type: A}]}]}
        """,
        """
        spec:
          backoffLimit: 2147483647
          podReplacementPolicy: Failed
          podFailurePolicy: {rules: [{onPodConditions: [{type: A, status: "True"}]}]}
        """,
    ),
    (
        "cronjobs.batch",
        "{}",
        """
        spec:
          concurrencyPolicy: Allow
          suspend: false
          successfulJobsHistoryLimit: 3
          failedJobsHistoryLimit: 1
        """,
    ),
    (
        "services",
        "spec: {ports: [{port: 80}, {port: 53, protocol: UDP, targetPort: dns}]}",
        """
        spec:
          type: ClusterIP
          sessionAffinity: None
          internalTrafficPolicy: Cluster
          ports:
            - {port: 80, protocol: TCP, targetPort: 80}
            - {port: 53, protocol: UDP, targetPort: dns}
        """,
    ),
    (
        "services",
        "spec: {type: LoadBalancer, sessionAffinity: ClientIP}",
        """
        spec:
          type: LoadBalancer
          allocateLoadBalancerNodePorts: true
          externalTrafficPolicy: Cluster
          internalTrafficPolicy: Cluster
          sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}
        """,
    ),
    ("secrets", "stringData: {a: b}", "{type: Opaque, data: {a: Yg==}}"),
    ("secrets", "{data: {a: YQ==, c: YQ==}, stringData: {a: b}}", "data: {a: Yg==, c: YQ==}"),
    (
        "namespaces",
        "metadata: {name: a, labels: {x: y}}",
        """
        metadata: {name: a, labels: {x: y, kubernetes.io/metadata.name: a}}
        status: {phase: Active}
        """,
    ),
    (
        "nodes",
        "{spec: {podCIDR: 10.0.0.0/24}, status: {capacity: {cpu: '1'}}}",
        "{spec: {podCIDRs: [10.0.0.0/24]}, status: {allocatable: {cpu: '1'}}}",
    ),
    ("nodes", "spec: {podCIDRs: [10.0.0.0/24]}", "spec: {podCIDR: 10.0.0.0/24}"),
    (
        "endpoints",
        "subsets: [{ports: [{port: 1}]}]",
        "subsets: [{ports: [{port: 1, protocol: TCP}]}]",
    ),
    (
        "replicationcontrollers",
        "spec: {template: {metadata: {labels: {a: b}}}}",
        "{metadata: {labels: {a: b}}, spec: {replicas: 1, selector: {a: b}}}",
    ),
    (
        "persistentvolumeclaims",
        "{}",
        "{spec: {volumeMode: Filesystem}, status: {phase: Pending}}",
    ),
    (
        "persistentvolumes",
        "spec: {hostPath: {path: /a}}",
        """
        spec:
          hostPath: {path: /a, type: ""}
          persistentVolumeReclaimPolicy: Retain
          volumeMode: Filesystem
        status: {phase: Pending}
        """,
    ),
    (
        "limitranges",
        "spec: {limits: [{type: Container, max: {cpu: '2', memory: 1Gi}, min: {cpu: 1m}}]}",
        """
        spec:
          limits:
            - type: Container
              default: {cpu: "2", memory: 1Gi}
              defaultRequest: {cpu: "2", memory: 1Gi}
        """,
    ),
    (
        "horizontalpodautoscalers.autoscaling/v2",
        "spec: {behavior: {scaleDown: {selectPolicy: Min}}}",
        """
        spec:
          minReplicas: 1
          metrics:
            - type: Resource
              resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
          behavior:
            scaleUp:
              stabilizationWindowSeconds: 0
              selectPolicy: Max
              policies:
                - {type: Pods, value: 4, periodSeconds: 15}
                - {type: Percent, value: 100, periodSeconds: 15}
            scaleDown:
              selectPolicy: Min
              policies: [{type: Percent, value: 100, periodSeconds: 15}]
        """,
    ),
    ("horizontalpodautoscalers.autoscaling/v1", "{}", "spec: {minReplicas: 1}"),
    (
        "networkpolicies.networking.k8s.io",
        "spec: {egress: [{ports: [{port: 1}]}]}",
        "spec: {policyTypes: [Ingress, Egress], egress: [{ports: [{port: 1, protocol: TCP}]}]}",
    ),
    (
        "networkpolicies.networking.k8s.io",
        "spec: {policyTypes: [Egress]}",
        "spec: {policyTypes: [Egress]}",
    ),
    (
        "ingressclasses.networking.k8s.io",
        "spec: {parameters: {kind: A, name: a}}",
        "spec: {parameters: {scope: Cluster}}",
    ),
    (
        "endpointslices.discovery.k8s.io",
        "ports: [{port: 1}]",
        "ports: [{port: 1, name: '', protocol: TCP}]",
    ),
    (
        "rolebindings.rbac.authorization.k8s.io",
        "subjects: [{kind: User, name: a}, {kind: ServiceAccount, name: b}]",
        """
        roleRef: {apiGroup: rbac.authorization.k8s.io}
        subjects:
          - {kind: User, name: a, apiGroup: rbac.authorization.k8s.io}
          - {kind: ServiceAccount, name: b}
        """,
    ),
    (
        "storageclasses.storage.k8s.io",
        "{}",
        "{reclaimPolicy: Delete, volumeBindingMode: Immediate}",
    ),
    (
        "csidrivers.storage.k8s.io",
        "{}",
        """
        spec:
          attachRequired: true
          podInfoOnMount: false
          storageCapacity: false
          fsGroupPolicy: ReadWriteOnceWithFSType
          requiresRepublish: false
          seLinuxMount: false
          volumeLifecycleModes: [Persistent]
        """,
    ),
    ("priorityclasses.scheduling.k8s.io", "{}", "preemptionPolicy: PreemptLowerPriority"),
    (
        "customresourcedefinitions.apiextensions.k8s.io",
        """
        spec:
          names: {kind: FooBar}
          versions: [{name: v1}, {name: v2, storage: true}]
          conversion: {strategy: Webhook, webhook: {clientConfig: {service: {name: a}}}}
        """,
        """
        spec:
          names: {kind: FooBar, singular: foobar, listKind: FooBarList}
          conversion: {webhook: {clientConfig: {service: {name: a, port: 443}}}}
        status: {storedVersions: [v2]}
        """,
    ),
    (
        "customresourcedefinitions.apiextensions.k8s.io",
        "{}",
        "spec: {conversion: {strategy: None}}",
    ),
    (
        "apiservices.apiregistration.k8s.io",
        "spec: {service: {name: a}}",
        "spec: {service: {port: 443}}",
    ),
    (
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "webhooks: [{clientConfig: {service: {name: a}}, rules: [{}]}]",
        """
        webhooks:
          - failurePolicy: Fail
            matchPolicy: Equivalent
            namespaceSelector: {}
            objectSelector: {}
            timeoutSeconds: 10
            reinvocationPolicy: Never
            clientConfig: {service: {name: a, port: 443}}
            rules: [{scope: "*"}]
        """,
    ),
    (
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "spec: {matchConstraints: {resourceRules: [{}]}}",
        """
        spec:
          failurePolicy: Fail
          matchConstraints: {matchPolicy: Equivalent, resourceRules: [{scope: "*"}]}
        """,
    ),
    (
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "spec: {matchResources: {}}",
        "spec: {matchResources: {namespaceSelector: {}, objectSelector: {}}}",
    ),
    ("flowschemas.flowcontrol.apiserver.k8s.io", "{}", "spec: {matchingPrecedence: 1000}"),
    (
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "spec: {limited: {limitResponse: {queuing: {queues: 3}}}}",
        """
        spec:
          limited:
            nominalConcurrencyShares: 30
            lendablePercent: 0
            limitResponse: {queuing: {queues: 3, handSize: 8, queueLengthLimit: 50}}
        """,
    ),
    (
        "resourceclaims.resource.k8s.io",
        """
        spec:
          devices: {requests: [{exactly: {tolerations: [{key: a}]}}, {firstAvailable: [{}]}]}
        """,
        """
        spec:
          devices:
            requests:
              - exactly: {allocationMode: ExactCount, count: 1, tolerations: [{operator: Equal}]}
              - firstAvailable: [{allocationMode: ExactCount, count: 1}]
        """,
    ),
    ("resourcequotas", "spec: {hard: {cpu: 100u}}", "spec: {hard: {cpu: 1m}}"),
    ("configmaps", "data: {a: b}", "data: {a: b}"),
    ("leases.coordination.k8s.io", "{}", "{}"),
]


def assert_holds(expected, found, path):
    """`expected` is part of `found`: objects may have more, lists not."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in found, f"{path}.{key} is missing"
            assert_holds(value, found[key], f"{path}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), path
        for i, value in enumerate(expected):
            assert_holds(value, found[i], f"{path}[{i}]")
    else:
        assert found == expected, path


@pytest.mark.parametrize(("what", "given", "expected"), CASES)
def test_defaults(filled, what, given, expected):
    plural, _, group = what.partition(".")
    group, _, version = group.partition("/")
    found = filled(plural, given, group, version or "v1")
    assert_holds(yaml.safe_load(expected), found, what)


def test_strategies_other_than_rolling_have_no_settings(filled):
    deployment = filled("deployments", "spec: {strategy: {type: Recreate}}", "apps")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    stateful = filled("statefulsets", "spec: {updateStrategy: {type: RollingUpdate}}", "apps")
    assert stateful["spec"]["updateStrategy"] == {"type": "RollingUpdate"}


def test_services_without_traffic_have_no_policies(filled):
    spec = filled("services", "spec: {type: ExternalName}")["spec"]
    assert spec == {"type": "ExternalName", "sessionAffinity": "None"}
    plain = filled("services", "spec: {sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}}")
    assert "sessionAffinityConfig" not in plain["spec"]


def test_plain_secret_data_is_not_kept(filled):
    assert "stringData" not in filled("secrets", "stringData: {a: b}")


def test_a_jobs_template_of_cronjobs_is_not_a_job_yet(filled):
    spec = filled("cronjobs", "{}", "batch")["spec"]["jobTemplate"]["spec"]
    assert list(spec) == ["template"]
