"""create from files, run, expose and autoscale."""

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form

_C = given.config_map("c", a="1")
_C_MADE = {"configmaps/c": {"data": {"a": "1"}}}
_C_RENAMED = "#!/bin/sh\nsed -i 's/name: c$/name: d/' \"$1\"\n"

_CREATE = (
    Form(line="create -f c.yaml", files={"c.yaml": _C}, prints="configmap/c created", then=_C_MADE),
    Form(
        line="create -f -",
        stdin=given.as_text(_C, given.service_account("robot")),
        prints="configmap/c created\nserviceaccount/robot created",
        then={**_C_MADE, "serviceaccounts/robot": {}},
    ),
    Form(
        line="create -f folder -R",
        files={"folder/c.yaml": _C, "folder/in/s.yaml": given.service_account("robot")},
        prints="configmap/c created\nserviceaccount/robot created",
        then={**_C_MADE, "serviceaccounts/robot": {}},
    ),
    Form(
        line="create -k base",
        files={
            "base/kustomization.yaml": {"resources": ["c.yaml"], "namePrefix": "my-"},
            "base/c.yaml": _C,
        },
        prints="configmap/my-c created",
        then={"configmaps/my-c": {}},
    ),
    Form(
        line="create -f c.yaml -o yaml",
        files={"c.yaml": _C},
        prints="""
            apiVersion: v1
            data:
              a: "1"
            kind: ConfigMap
            metadata:
              creationTimestamp: "…"
              name: c
              namespace: {ns}
              resourceVersion: "…"
              uid: …
            """,
    ),
    Form(
        line="create -f c.yaml --save-config",
        files={"c.yaml": _C},
        prints="configmap/c created",
        then={
            "configmaps/c": {
                "metadata": {
                    "managedFields": [{"manager": "kubectl-create", "operation": "Update"}]
                }
            }
        },
    ),
    Form(
        line="create -f c.yaml --edit",
        files={"c.yaml": _C, "editor.sh": _C_RENAMED},
        env={"KUBE_EDITOR": "{dir}/editor.sh"},
        prints="configmap/d created",
        then={"configmaps/d": {"data": {"a": "1"}}, "configmaps/c": None},
    ),
    Form(
        line="create -f c.yaml --dry-run=server",
        files={"c.yaml": _C},
        prints="configmap/c created (server dry run)",
        then={"configmaps/c": None},
    ),
    Form(
        line="create configmap c --dry-run=client -o name",
        prints="configmap/c",
        then={"configmaps/c": None},
    ),
    Form(
        line="create --raw /api/v1/namespaces/{ns}/configmaps -f c.json",
        files={"c.json": _C},
        prints='{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c",…},"data":{"a":"1"}}',
        then=_C_MADE,
    ),
    Form(
        line="create -f c.yaml --validate=strict",
        files={"c.yaml": {**_C, "dat": {}}},
        prints="",
        complains='Error from server (BadRequest): error when creating "c.yaml": ConfigMap in '
        'version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "dat"',
        exits=1,
        then={"configmaps/c": None},
    ),
    Form(
        line="create -f c.yaml --validate=warn",
        files={"c.yaml": {**_C, "dat": {}}},
        prints="configmap/c created",
        complains='Warning: unknown field "dat"',
        then=_C_MADE,
    ),
    Form(
        line="create -f twice.yaml",
        given=[_C],
        files={"twice.yaml": _C},
        prints="",
        complains='Error from server (AlreadyExists): error when creating "twice.yaml": '
        'configmaps "c" already exists',
        exits=1,
    ),
)

_RUN = (
    Form(
        line="run one --image=nginx",
        prints="pod/one created",
        then={
            "pods/one": {
                "metadata": {"labels": {"run": "one"}},
                "spec": {"restartPolicy": "Always"},
                "status": {"phase": "Running"},
            }
        },
    ),
    Form(
        line="run one --image=nginx --port=80 --expose",
        prints="service/one created\npod/one created",
        then={
            "services/one": {"spec": {"selector": {"run": "one"}, "ports": [{"port": 80}]}},
            "pods/one": {"spec": {"containers": [{"ports": [{"containerPort": 80}]}]}},
        },
    ),
    Form(
        line="run one --image=busybox --restart=Never --env=A=1 --labels=a=b --command -- date -u",
        prints="pod/one created",
        then={
            "pods/one": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [
                        {"command": ["date", "-u"], "env": [{"name": "A", "value": "1"}]}
                    ],
                },
            }
        },
    ),
    Form(
        line="run one --image=nginx --dry-run=server",
        prints="pod/one created (server dry run)",
        then={"pods/one": None},
    ),
    Form(
        line='run one --image=nginx --overrides=\'{"spec":{"nodeName":"node-2"}}\'',
        prints="pod/one created",
        then={"pods/one": {"spec": {"nodeName": "node-2"}, "status": {"phase": "Running"}}},
    ),
)

_WEB = {"selector": {"app": "web"}}

_EXPOSE = (
    Form(
        line="expose deployment web --port=80 --target-port=8080",
        given=[given.deployment()],
        prints="service/web exposed",
        then={
            "services/web": {
                "spec": {
                    "type": "ClusterIP",
                    "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}],
                    **_WEB,
                }
            }
        },
    ),
    Form(
        line="expose deployment web --port=53 --protocol=UDP --name=names --type=NodePort",
        given=[given.deployment()],
        prints="service/names exposed",
        then={
            "services/names": {
                "spec": {"type": "NodePort", "ports": [{"port": 53, "protocol": "UDP"}], **_WEB}
            }
        },
    ),
    Form(
        line="expose pod web --port=80 --name=one --cluster-ip=None",
        given=[given.pod("web")],
        prints="service/one exposed",
        then={"services/one": {"spec": {"clusterIP": "None", **_WEB}}},
    ),
    Form(
        line="expose service web --port=443 --name=again --load-balancer-ip=1.2.3.4 "
        "--type=LoadBalancer",
        given=[given.service("web")],
        prints="service/again exposed",
        complains=None,
        then={"services/again": {"spec": {"type": "LoadBalancer", **_WEB}}},
    ),
    Form(
        line="expose rc old --port=80",
        given=[given.replication_controller()],
        prints="service/old exposed",
        then={"services/old": {"spec": {"selector": {"app": "old"}}}},
    ),
    Form(
        line="expose -f web.yaml --port=80 --dry-run=server",
        given=[given.deployment()],
        files={"web.yaml": given.deployment()},
        prints="service/web exposed (server dry run)",
        then={"services/web": None},
    ),
)

_AUTOSCALE = (
    Form(
        line="autoscale deployment web --min=2 --max=5",
        given=[given.deployment()],
        prints="horizontalpodautoscaler.autoscaling/web autoscaled",
        then={
            "horizontalpodautoscalers/web": {
                "spec": {
                    "minReplicas": 2,
                    "maxReplicas": 5,
                    "scaleTargetRef": {"kind": "Deployment", "name": "web"},
                }
            }
        },
    ),
    Form(
        line="autoscale sts db --max=3 --cpu-percent=80 --name=by-cpu",
        given=[given.stateful_set()],
        prints="horizontalpodautoscaler.autoscaling/by-cpu autoscaled",
        complains=None,
        then={
            "horizontalpodautoscalers/by-cpu": {
                "spec": {
                    "metrics": [{"resource": {"name": "cpu", "target": {"averageUtilization": 80}}}]
                }
            }
        },
    ),
    Form(
        line="autoscale deployment web --max=3 --cpu=80% --memory=1Gi",
        given=[given.deployment()],
        prints="horizontalpodautoscaler.autoscaling/web autoscaled",
        then={
            "horizontalpodautoscalers/web": {
                "spec": {
                    "metrics": [
                        {"resource": {"name": "cpu", "target": {"averageUtilization": 80}}},
                        {"resource": {"name": "memory", "target": {"averageValue": "1Gi"}}},
                    ]
                }
            }
        },
        since=35,
    ),
)

FORMS = (*_CREATE, *_RUN, *_EXPOSE, *_AUTOSCALE)
