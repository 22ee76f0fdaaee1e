"""set, edit, patch, replace, label, annotate and scale."""

import json
from typing import Any

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form

_C = given.config_map("c", {"old": "1"}, a="1")
_WEB = given.deployment()
_BALANCED = given.service("web", type="LoadBalancer")
_STATUS = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}
_INGRESS = {"services/web": {"status": _STATUS}}


def _container(**fields: Any) -> dict[str, Any]:
    """The one container of the deployment `web`."""
    template = {"spec": {"containers": [{"name": "main", **fields}]}}
    return {"deployments/web": {"spec": {"template": template}}}


def _labels(**labels: str | None) -> dict[str, Any]:
    return {"configmaps/c": {"metadata": {"labels": labels}}}


def _argument(patch: Any) -> str:
    return f"'{json.dumps(patch, separators=(',', ':'))}'"


_SET = (
    Form(
        line="set image deployment/web main=nginx:1.27",
        given=[_WEB],
        prints="deployment.apps/web image updated",
        then=_container(image="nginx:1.27"),
    ),
    Form(
        line="set image deployments --all '*=nginx:1.27'",
        given=[_WEB],
        prints="deployment.apps/web image updated",
        then=_container(image="nginx:1.27"),
    ),
    Form(
        line="set image -f web.yaml main=nginx:1.27 --local -o name",
        files={"web.yaml": _WEB},
        prints="deployment.apps/web",
    ),
    Form(
        line="set resources deployment web --limits=cpu=200m,memory=1Gi --requests=cpu=100m",
        given=[_WEB],
        prints="deployment.apps/web resource requirements updated",
        then=_container(
            resources={
                "limits": {"cpu": "200m", "memory": "1Gi"},
                "requests": {"cpu": "100m"},
            }
        ),
    ),
    Form(
        line="set env deployment/web A=1 B=2",
        given=[_WEB],
        prints="deployment.apps/web env updated",
        then=_container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
    ),
    Form(
        line="set env deployment/web --from=configmap/c --prefix=MY_",
        given=[_C, _WEB],
        prints="deployment.apps/web env updated",
        complains="Warning: key a transferred to A",
        then=_container(
            env=[{"name": "MY_A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "a"}}}]
        ),
    ),
    Form(
        line="set env deployment/web --list",
        given=[_WEB, "set env deployment/web A=1"],
        prints="# Deployment web, container main\nA=1",
    ),
    Form(
        line="set env deployment/web A-",
        given=[_WEB, "set env deployment/web A=1"],
        prints="deployment.apps/web env updated",
        then=_container(env=None),
    ),
    Form(
        line="set selector service web app=other,tier=db",
        given=[given.service("web")],
        prints="service/web selector updated",
        then={"services/web": {"spec": {"selector": {"app": "other", "tier": "db"}}}},
    ),
    Form(
        line="set serviceaccount deployment web robot",
        given=[given.service_account("robot"), _WEB],
        prints="deployment.apps/web serviceaccount updated",
        then={"deployments/web": {"spec": {"template": {"spec": {"serviceAccountName": "robot"}}}}},
    ),
    Form(
        line="set subject rolebinding readers --serviceaccount=default:robot --group=ops",
        given=[given.binding()],
        prints="rolebinding.rbac.authorization.k8s.io/readers subjects updated",
        then={
            "rolebindings/readers": {
                "subjects": [{"name": "jane"}, {"name": "ops"}, {"name": "robot"}],
            }
        },
    ),
    Form(
        line="set image deployment/web main=nginx:1.27 --dry-run=server",
        given=[_WEB],
        prints="deployment.apps/web image updated (server dry run)",
        then=_container(image="nginx:1.26"),
    ),
)

_EDITOR = {
    "editor.sh": '#!/bin/sh\nsed -i \'s/a: "1"/a: "2"/\' "$1"\n',
    "idle.sh": "#!/bin/sh\n",
}


def _edit(line: str, script: str = "editor.sh", **rest: Any) -> Form:
    return Form(line=line, files=_EDITOR, env={"KUBE_EDITOR": "{dir}/" + script}, **rest)


_EDIT = (
    _edit(
        "edit configmap c",
        given=[_C],
        prints="configmap/c edited",
        then={"configmaps/c": {"data": {"a": "2"}}},
    ),
    _edit(
        "edit configmap c -o json",
        "idle.sh",
        given=[_C],
        prints="",
        complains="Edit cancelled, no changes made.",
    ),
    _edit(
        "edit configmap/c --save-config",
        given=[_C],
        prints="configmap/c edited",
        then={"configmaps/c": {"data": {"a": "2"}}},
    ),
    Form(
        line="edit service web --subresource=status",
        given=[_BALANCED],
        files={"editor.sh": "#!/bin/sh\nsed -i 's/ {}/ {ingress: [{ip: 1.2.3.4}]}/' \"$1\"\n"},
        env={"KUBE_EDITOR": "{dir}/editor.sh"},
        prints="service/web edited",
        then=_INGRESS,
    ),
)

_MORE = {"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "busybox"}]}}}}

_PATCH = (
    Form(
        line=f"patch deployment web -p {_argument(_MORE)}",
        given=[_WEB],
        prints="deployment.apps/web patched",
        then={
            "deployments/web": {
                "spec": {"template": {"spec": {"containers": [{"name": "log"}, {"name": "main"}]}}}
            }
        },
    ),
    Form(
        line="patch configmap c --type=merge -p " + _argument({"data": {"a": None, "b": "2"}}),
        given=[_C],
        prints="configmap/c patched",
        then={"configmaps/c": {"data": {"a": None, "b": "2"}}},
    ),
    Form(
        line="patch configmap c --type=json -p "
        + _argument([{"op": "replace", "path": "/data/a", "value": "2"}]),
        given=[_C],
        prints="configmap/c patched",
        then={"configmaps/c": {"data": {"a": "2"}}},
    ),
    Form(
        line="patch configmap c --patch-file=patch.yaml",
        given=[_C],
        files={"patch.yaml": {"data": {"b": "2"}}},
        prints="configmap/c patched",
        then={"configmaps/c": {"data": {"a": "1", "b": "2"}}},
    ),
    Form(
        line="patch configmap/c --type=merge -p " + _argument({"data": {"a": "1"}}),
        given=[_C],
        prints="configmap/c patched (no change)",
    ),
    Form(
        line="patch service web --subresource=status -p " + _argument({"status": _STATUS}),
        given=[_BALANCED],
        prints="service/web patched",
        then=_INGRESS,
    ),
    Form(
        line="patch deployment web --subresource=scale --type=merge -p "
        + _argument({"spec": {"replicas": 2}}),
        given=[_WEB],
        prints="scale.autoscaling/web patched",
        then={"deployments/web": {"spec": {"replicas": 2}}},
    ),
    Form(
        line="patch pod a --subresource=resize -p "
        + _argument(
            {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]}}
        ),
        given=[
            given.pod(
                "a",
                containers=[
                    {
                        "name": "main",
                        "image": "nginx",
                        "resources": {"requests": {"cpu": "500m"}},
                    }
                ],
            )
        ],
        prints="pod/a patched",
        then={"pods/a": {"spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}}},
        since=32,
    ),
    Form(
        line="patch configmap c --dry-run=server -p " + _argument({"data": {"a": "9"}}),
        given=[_C],
        prints="configmap/c patched",
        then={"configmaps/c": {"data": {"a": "1"}}},
    ),
)

_CHANGED = given.config_map("c", a="2")

_REPLACE = (
    Form(
        line="replace -f c.yaml",
        given=[_C],
        files={"c.yaml": _CHANGED},
        prints="configmap/c replaced",
        then={"configmaps/c": {"data": {"a": "2"}, "metadata": {"labels": None}}},
    ),
    Form(
        line="replace -f c.yaml --force",
        given=[_C],
        files={"c.yaml": _CHANGED},
        prints='configmap "c" deleted\nconfigmap/c replaced',
        then={"configmaps/c": {"data": {"a": "2"}}},
    ),
    Form(
        line="replace -f scale.yaml --subresource=scale",
        given=[_WEB],
        files={
            "scale.yaml": {
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": {"name": "web"},
                "spec": {"replicas": 2},
            }
        },
        prints="",
        complains='error: resource mapping not found for name: "web" namespace: "" from '
        '"scale.yaml": no matches for kind "Scale" in version "autoscaling/v1" ensure CRDs are '
        "installed first",
        exits=1,
    ),
    Form(
        line="replace -f web.yaml --subresource=status",
        given=[_WEB],
        files={"web.yaml": {**_WEB, "status": {"observedGeneration": 1}}},
        prints="deployment.apps/web replaced",
    ),
    Form(
        line="replace --raw /api/v1/namespaces/{ns}/configmaps/c -f c.json",
        given=[_C],
        files={"c.json": _CHANGED},
        prints='{"kind":"ConfigMap",…"data":{"a":"2"}}',
        then={"configmaps/c": {"data": {"a": "2"}}},
    ),
    Form(
        line="replace -f none.yaml",
        files={"none.yaml": _C},
        prints="",
        complains='Error from server (NotFound): error when replacing "none.yaml": configmaps "c" '
        "not found",
        exits=1,
    ),
)

_ANNOTATED = {0: "configmap/c annotate", 28: "configmap/c annotated"}

_LABEL = (
    Form(
        line="label configmap c new=1",
        given=[_C],
        prints="configmap/c labeled",
        then=_labels(old="1", new="1"),
    ),
    Form(
        line="label configmap c old=2",
        given=[_C],
        prints="",
        complains="error: 'old' already has a value (1), and --overwrite is false",
        exits=1,
    ),
    Form(
        line="label configmap c old=2 --overwrite",
        given=[_C],
        prints="configmap/c labeled",
        then=_labels(old="2"),
    ),
    Form(
        line="label configmap c old-",
        given=[_C],
        prints="configmap/c unlabeled",
        then={"configmaps/c": {"metadata": {"labels": None}}},
    ),
    Form(
        line="label configmaps --all new=1",
        given=[_C],
        prints="configmap/c labeled\nconfigmap/kube-root-ca.crt labeled",
        then=_labels(new="1"),
    ),
    Form(
        line="label configmap c new=1 --resource-version=1",
        given=[_C],
        prints="",
        complains='Error from server (Conflict): Operation cannot be fulfilled on configmaps "c": '
        "the object has been modified; please apply your changes to the latest version and try "
        "again",
        exits=1,
    ),
    Form(line="label configmap c --list", given=[_C], prints="old=1"),
    Form(
        line="label configmap c new=-",
        given=[_C],
        prints="",
        complains='error: invalid label value: "new=-": a valid label must be an empty string or '
        "consist of alphanumeric characters, …",
        exits=1,
        then=_labels(new=None),
    ),
    Form(
        line="annotate configmap c 'note=a b'",
        given=[_C],
        prints=_ANNOTATED,
        then={"configmaps/c": {"metadata": {"annotations": {"note": "a b"}}}},
    ),
    Form(
        line="annotate configmap c note=b --overwrite",
        given=[_C, "annotate configmap c note=a"],
        prints=_ANNOTATED,
        then={"configmaps/c": {"metadata": {"annotations": {"note": "b"}}}},
    ),
    Form(
        line="annotate -f c.yaml note-",
        given=[_C, "annotate configmap c note=a"],
        files={"c.yaml": _C},
        prints=_ANNOTATED,
        then={"configmaps/c": {"metadata": {"annotations": None}}},
    ),
    Form(
        line="annotate configmap c --list",
        given=[_C, "annotate configmap c note=a"],
        prints="note=a",
    ),
)

_SCALE = (
    Form(
        line="scale deployment web --replicas=3",
        given=[_WEB],
        prints="deployment.apps/web scaled",
        then={"deployments/web": {"status": {"readyReplicas": 3}}},
    ),
    Form(
        line="scale statefulset/db --replicas=2 --timeout=30s",
        given=[given.stateful_set()],
        prints="statefulset.apps/db scaled",
        then={"statefulsets/db": {"status": {"readyReplicas": 2}}},
    ),
    Form(
        line="scale rs web --current-replicas=1 --replicas=2",
        given=[given.replica_set()],
        prints="replicaset.apps/web scaled",
        then={"replicasets/web": {"status": {"readyReplicas": 2}}},
    ),
    Form(
        line="scale rc/old --current-replicas=5 --replicas=2",
        given=[given.replication_controller()],
        prints="",
        complains="error: Expected replicas to be 5, was 1",
        exits=1,
    ),
    Form(
        line="scale -f web.yaml --replicas=0",
        given=[_WEB],
        files={"web.yaml": _WEB},
        prints="deployment.apps/web scaled",
        then={"deployments/web": {"status": {"replicas": None}}},
    ),
    Form(
        line="scale deployment web --replicas=3 --dry-run=server",
        given=[_WEB],
        prints="deployment.apps/web scaled (server dry run)",
        then={"deployments/web": {"spec": {"replicas": 1}}},
    ),
    Form(
        line="scale configmap c --replicas=2",
        given=[_C],
        prints="",
        complains="Error from server (NotFound): the server could not find the requested resource",
        exits=1,
    ),
)

FORMS = (*_SET, *_EDIT, *_PATCH, *_REPLACE, *_LABEL, *_SCALE)
