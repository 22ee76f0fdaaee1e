"""The generators of `kubectl create`."""

from typing import Any

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form
from tests.e2e.matrix.scene import Scene


def _runs(**container: Any) -> dict[str, Any]:
    """A part of a Deployment or Job: the one container that it runs."""
    return {"template": {"spec": {"containers": [container]}}}


def _binds(kind: str, name: str, *subjects: dict[str, str]) -> dict[str, Any]:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    return {"roleRef": ref, "subjects": list(subjects)}


_READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
_USER = {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}
_GROUP = {"kind": "Group", "name": "ops", "apiGroup": "rbac.authorization.k8s.io"}
_ROBOT = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
_COLOURS = {"color.txt": "blue", "size.txt": "big"}
_HOST = "example.com/*=web:80"

_RBAC = (
    Form(
        line="create clusterrole pod-reader --verb=get,list --resource=pods",
        prints="clusterrole.rbac.authorization.k8s.io/pod-reader created",
        then={"clusterroles/pod-reader": {"rules": [_READ_PODS]}},
        leaves=["clusterroles/pod-reader"],
    ),
    Form(
        line="create clusterrole prober --verb=get --non-resource-url=/healthz",
        prints="clusterrole.rbac.authorization.k8s.io/prober created",
        then={
            "clusterroles/prober": {"rules": [{"nonResourceURLs": ["/healthz"], "verbs": ["get"]}]}
        },
        leaves=["clusterroles/prober"],
    ),
    Form(
        line="create clusterrole summed --aggregation-rule=part=yes",
        prints="clusterrole.rbac.authorization.k8s.io/summed created",
        then={
            "clusterroles/summed": {
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"part": "yes"}}]}
            }
        },
        leaves=["clusterroles/summed"],
    ),
    Form(
        line="create clusterrolebinding jane-views --clusterrole=view --user=jane --group=ops",
        prints="clusterrolebinding.rbac.authorization.k8s.io/jane-views created",
        then={"clusterrolebindings/jane-views": _binds("ClusterRole", "view", _USER, _GROUP)},
        leaves=["clusterrolebindings/jane-views"],
    ),
    Form(
        line="create role reader --verb=get --verb=list --resource=pods",
        prints="role.rbac.authorization.k8s.io/reader created",
        then={"roles/reader": {"rules": [_READ_PODS]}},
    ),
    Form(
        line="create role scaler --verb=patch --resource=deployments.apps/scale "
        "--resource-name=web",
        prints="role.rbac.authorization.k8s.io/scaler created",
        then={
            "roles/scaler": {
                "rules": [
                    {
                        "apiGroups": ["apps"],
                        "resources": ["deployments/scale"],
                        "resourceNames": ["web"],
                        "verbs": ["patch"],
                    }
                ]
            }
        },
    ),
    Form(
        line="create rolebinding readers --role=reader --serviceaccount=default:robot",
        prints="rolebinding.rbac.authorization.k8s.io/readers created",
        then={"rolebindings/readers": _binds("Role", "reader", _ROBOT)},
    ),
    Form(
        line="create rolebinding viewers --clusterrole=view --user=jane --group=ops",
        prints="rolebinding.rbac.authorization.k8s.io/viewers created",
        then={"rolebindings/viewers": _binds("ClusterRole", "view", _USER, _GROUP)},
    ),
    Form(
        line="create serviceaccount robot",
        prints="serviceaccount/robot created",
        then={"serviceaccounts/robot": {}},
    ),
    Form(
        line="create token robot",
        given=[given.service_account("robot")],
        prints="ey….ey…",
    ),
    Form(
        line="create token robot --duration=1h --audience=shop -o yaml",
        given=[given.service_account("robot")],
        prints="""
            apiVersion: authentication.k8s.io/v1
            kind: TokenRequest
            metadata:
              creationTimestamp: "…"
              name: robot
              namespace: {ns}
              uid: …
            spec:
              audiences:
              - shop
              boundObjectRef: null
              expirationSeconds: 3600
            status:
              expirationTimestamp: "…"
              token: …
            """,
    ),
    Form(
        line="create token robot --bound-object-kind=Secret --bound-object-name=none",
        given=[given.service_account("robot")],
        prints="",
        complains='error: failed to create token: secrets "none" not found',
        exits=1,
    ),
)

_DATA = (
    Form(
        line="create configmap c --from-literal=a=1 --from-literal=b=2",
        prints="configmap/c created",
        then={"configmaps/c": {"data": {"a": "1", "b": "2"}}},
    ),
    Form(
        line="create configmap c --from-file=color.txt --from-file=how=size.txt",
        files=_COLOURS,
        prints="configmap/c created",
        then={"configmaps/c": {"data": {"color.txt": "blue", "how": "big"}}},
    ),
    Form(
        line="create configmap c --from-file=folder",
        files={f"folder/{name}": text for name, text in _COLOURS.items()},
        prints="configmap/c created",
        then={"configmaps/c": {"data": _COLOURS}},
    ),
    Form(
        line="create configmap c --from-env-file=some.env",
        files={"some.env": "A=1\n# a comment\nB=2\n"},
        prints="configmap/c created",
        then={"configmaps/c": {"data": {"A": "1", "B": "2"}}},
    ),
    Form(
        line="create configmap c --from-literal=a=1 --append-hash",
        prints="configmap/c-9dtcmmmm5t created",
        then={"configmaps/c-9dtcmmmm5t": {"data": {"a": "1"}}},
    ),
    Form(
        line="create secret generic s --from-literal=word=hunter2",
        prints="secret/s created",
        then={"secrets/s": {"type": "Opaque", "data": {"word": "aHVudGVyMg=="}}},
    ),
    Form(
        line="create secret generic s --from-file=color.txt --type=example.com/color",
        files=_COLOURS,
        prints="secret/s created",
        then={"secrets/s": {"type": "example.com/color", "data": {"color.txt": "Ymx1ZQ=="}}},
    ),
    Form(
        line="create secret docker-registry s --docker-server=example.com --docker-username=me "
        "--docker-password=word",
        prints="secret/s created",
        then={
            "secrets/s": {
                "type": "kubernetes.io/dockerconfigjson",
                "data": {
                    ".dockerconfigjson": "eyJhdXRocyI6eyJleGFtcGxlLmNvbSI6eyJ1c2VybmFtZSI6Im1lIiwi"
                    "cGFzc3dvcmQiOiJ3b3JkIiwiYXV0aCI6ImJXVTZkMjl5WkE9PSJ9fX0="
                },
            }
        },
    ),
    Form(
        line="create secret tls s --cert=tls.crt --key=tls.key",
        files={"tls.crt": given.CERTIFICATE, "tls.key": given.KEY},
        prints="secret/s created",
        then={"secrets/s": {"type": "kubernetes.io/tls"}},
    ),
)

_WORKLOADS = (
    Form(
        line="create deployment web --image=nginx --replicas=2 --port=80",
        prints="deployment.apps/web created",
        then={
            "deployments/web": {
                "spec": {
                    "replicas": 2,
                    **_runs(
                        name="nginx",
                        image="nginx",
                        ports=[{"containerPort": 80, "protocol": "TCP"}],
                    ),
                },
                "status": {"readyReplicas": 2},
            }
        },
    ),
    Form(
        line="create deployment web --image=busybox --image=redis:7",
        prints="deployment.apps/web created",
        then={"deployments/web": {"status": {"readyReplicas": 1}}},
    ),
    Form(
        line="create deployment web --image=busybox -- sleep 1d",
        prints="deployment.apps/web created",
        then={"deployments/web": {"spec": _runs(image="busybox", command=["sleep", "1d"])}},
    ),
    Form(
        line="create job once --image=busybox -- date",
        prints="job.batch/once created",
        then={
            "jobs/once": {
                "spec": {"backoffLimit": 6, **_runs(image="busybox", command=["date"])},
            }
        },
    ),
    Form(
        line="create job once --from=cronjob/often",
        given=[given.cron_job()],
        prints="job.batch/once created",
        then={
            "jobs/once": {
                "metadata": {
                    "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
                    "ownerReferences": [{"kind": "CronJob", "name": "often"}],
                },
            }
        },
    ),
    Form(
        line='create cronjob often --image=busybox --schedule="0 0 1 1 *" -- date',
        prints="cronjob.batch/often created",
        then={
            "cronjobs/often": {
                "spec": {
                    "schedule": "0 0 1 1 *",
                    "jobTemplate": {"spec": _runs(image="busybox", command=["date"])},
                }
            }
        },
    ),
    Form(
        line="create poddisruptionbudget web --selector=app=web --min-available=50%",
        prints="poddisruptionbudget.policy/web created",
        then={"poddisruptionbudgets/web": {"spec": {"minAvailable": "50%"}}},
    ),
    Form(
        line="create pdb web --selector=app=web --max-unavailable=1",
        prints="poddisruptionbudget.policy/web created",
        then={"poddisruptionbudgets/web": {"spec": {"maxUnavailable": 1}}},
    ),
)

_NETWORK = (
    Form(
        line="create service clusterip front --tcp=80:8080",
        prints="service/front created",
        then={
            "services/front": {
                "spec": {
                    "type": "ClusterIP",
                    "selector": {"app": "front"},
                    "ports": [
                        {"name": "80-8080", "port": 80, "protocol": "TCP", "targetPort": 8080}
                    ],
                }
            }
        },
    ),
    Form(
        line="create service clusterip front --clusterip=None",
        prints="service/front created",
        then={"services/front": {"spec": {"clusterIP": "None"}}},
    ),
    Form(
        line="create service nodeport front --tcp=80 --node-port=30080",
        prints="service/front created",
        then={"services/front": {"spec": {"type": "NodePort", "ports": [{"nodePort": 30080}]}}},
        leaves=["services/front"],
    ),
    Form(
        line="create service loadbalancer front --tcp=80",
        prints="service/front created",
        then={"services/front": {"spec": {"type": "LoadBalancer"}}},
    ),
    Form(
        line="create service externalname front --external-name=example.com",
        prints="service/front created",
        then={"services/front": {"spec": {"type": "ExternalName", "externalName": "example.com"}}},
    ),
    Form(
        line=f'create ingress door --rule="{_HOST}" --class=slow --annotation=a=b',
        prints="ingress.networking.k8s.io/door created",
        then={
            "ingresses/door": {
                "metadata": {"annotations": {"a": "b"}},
                "spec": {
                    "ingressClassName": "slow",
                    "rules": [
                        {
                            "host": "example.com",
                            "http": {"paths": [{"path": "/", "pathType": "Prefix"}]},
                        }
                    ],
                },
            }
        },
    ),
    Form(
        line='create ingress door --default-backend=web:80 --rule="a.com/p=web:http,tls=cert"',
        prints="ingress.networking.k8s.io/door created",
        then={
            "ingresses/door": {
                "spec": {
                    "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}},
                    "tls": [{"hosts": ["a.com"], "secretName": "cert"}],
                }
            }
        },
    ),
)


def _a_team_is_there(scene: Scene) -> None:
    team = f"namespaces/{scene.ns}-team"
    scene.until(lambda: scene.get(team)["status"]["phase"] == "Active")
    scene.delete(team)


_POLICY = (
    Form(
        line="create namespace {ns}-team",
        prints="namespace/{ns}-team created",
        then=_a_team_is_there,
    ),
    Form(
        line="create priorityclass high --value=1000 --preemption-policy=Never "
        "--description=important",
        prints="priorityclass.scheduling.k8s.io/high created",
        then={
            "priorityclasses/high": {
                "value": 1000,
                "preemptionPolicy": "Never",
                "description": "important",
            }
        },
        leaves=["priorityclasses/high"],
    ),
    Form(
        line="create quota enough --hard=pods=10,configmaps=5",
        prints="resourcequota/enough created",
        then={"resourcequotas/enough": {"status": {"hard": {"pods": "10", "configmaps": "5"}}}},
    ),
    Form(
        line="create quota brief --hard=pods=1 --scopes=BestEffort",
        prints="resourcequota/brief created",
        then={"resourcequotas/brief": {"spec": {"scopes": ["BestEffort"]}}},
    ),
)

FORMS = (*_RBAC, *_DATA, *_WORKLOADS, *_NETWORK, *_POLICY)
