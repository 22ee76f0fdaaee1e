"""apply, with its subcommands, and diff."""

from typing import Any

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form
from tests.e2e.matrix.scene import Scene

_OLD = given.config_map("c", a="1", b="2")
_NEW = given.config_map("c", a="1", b="3")
_FILES = {"old.yaml": _OLD, "new.yaml": _NEW}
_APPLIED = "apply -f old.yaml"
_BASE = {
    "base/kustomization.yaml": {
        "resources": ["c.yaml"],
        "namePrefix": "my-",
        "configMapGenerator": [{"name": "made", "literals": ["x=1"]}],
        "generatorOptions": {"disableNameSuffixHash": True},
    },
    "base/c.yaml": _OLD,
}
_ONE = given.config_map("c", {"set": "mine"}, a="1")
_TWO = given.as_text(_ONE, given.config_map("d", {"set": "mine"}))
_SET = {"two.yaml": _TWO, "one.yaml": _ONE}
_PRUNED = "configmap/c unchanged\nconfigmap/d pruned"
_C_ALONE = {"configmaps/d": None, "configmaps/c": {}}
_WEB = given.deployment()
_OTHER_WEB = {**given.deployment("other"), "metadata": {"name": "web"}}


def _managed(*managers: tuple[str, str]) -> dict[str, Any]:
    fields = [{"manager": name, "operation": operation} for name, operation in managers]
    return {"metadata": {"managedFields": fields}}


def _is_exactly(**data: str) -> Any:
    return lambda scene: scene.until(lambda: scene.get("configmaps/c")["data"] == data)


_CLIENT_SIDE = (
    Form(
        line="apply -f old.yaml",
        files=_FILES,
        prints="configmap/c created",
        then={
            "configmaps/c": {
                "data": {"a": "1", "b": "2"},
                **_managed(("kubectl-client-side-apply", "Update")),
            }
        },
    ),
    Form(
        line="apply -f new.yaml",
        given=[_APPLIED],
        files=_FILES,
        prints="configmap/c configured",
        then={"configmaps/c": {"data": {"a": "1", "b": "3"}}},
    ),
    Form(
        line="apply -f same.yaml",
        given=[_APPLIED],
        files={**_FILES, "same.yaml": _OLD},
        prints="configmap/c unchanged",
    ),
    Form(
        line="apply -f less.yaml",
        given=[_APPLIED],
        files={**_FILES, "less.yaml": given.config_map("c", a="1")},
        prints="configmap/c configured",
        then=_is_exactly(a="1"),
    ),
    Form(
        line="apply -f created.yaml",
        given=[_OLD],
        files={"created.yaml": _NEW},
        prints="configmap/c configured",
        complains="Warning: resource configmaps/c is missing the "
        "kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl "
        "apply. kubectl apply should only be used on resources created declaratively by either "
        "kubectl create --save-config or kubectl apply. The missing annotation will be patched "
        "automatically.",
        then={"configmaps/c": {"data": {"b": "3"}}},
    ),
    Form(
        line="apply -f -",
        stdin=given.as_text(_WEB, given.service("web"), _OLD),
        prints="deployment.apps/web created\nservice/web created\nconfigmap/c created",
        then={"deployments/web": {"status": {"readyReplicas": 1}}, "services/web": {}},
    ),
    Form(
        line="apply -f folder -R",
        files={"folder/c.yaml": _OLD, "folder/in/d.json": given.config_map("d")},
        prints="configmap/c created\nconfigmap/d created",
    ),
    Form(
        line="apply -k base",
        files=_BASE,
        prints="configmap/my-c created\nconfigmap/my-made created",
        then={"configmaps/my-c": {"data": {"a": "1"}}, "configmaps/my-made": {}},
    ),
    Form(
        line="apply -f old.yaml -o yaml",
        files=_FILES,
        prints="apiVersion: v1 data: a: … b: … kind: ConfigMap metadata: annotations: "
        "kubectl.kubernetes.io/last-applied-configuration: | {… … uid: …",
    ),
    Form(
        line="apply -f old.yaml --dry-run=server",
        files=_FILES,
        prints="configmap/c created (server dry run)",
        then={"configmaps/c": None},
    ),
    Form(
        line="apply -f old.yaml --dry-run=client",
        files=_FILES,
        prints="configmap/c created (dry run)",
        then={"configmaps/c": None},
    ),
    Form(
        line="apply -f misspelt.yaml",
        files={"misspelt.yaml": {**_OLD, "dat": {}}},
        prints="",
        complains='Error from server (BadRequest): error when creating "misspelt.yaml": ConfigMap '
        'in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field '
        '"dat"',
        exits=1,
    ),
    Form(
        line="apply -f misspelt.yaml --validate=false",
        files={"misspelt.yaml": {**_OLD, "dat": {}}},
        prints="configmap/c created",
    ),
    Form(
        line="apply -f other-web.yaml",
        given=["apply -f web.yaml"],
        files={"web.yaml": _WEB, "other-web.yaml": _OTHER_WEB},
        prints="",
        complains='The Deployment "web" is invalid: … spec.selector: Invalid value: … '
        "field is immutable",
        exits=1,
    ),
    Form(
        line="apply -f other-web.yaml --force",
        given=["apply -f web.yaml"],
        files={"web.yaml": _WEB, "other-web.yaml": _OTHER_WEB},
        prints="deployment.apps/web configured",
        then={
            "deployments/web": {
                "spec": {"selector": {"matchLabels": {"app": "other"}}},
                "status": {"readyReplicas": 1},
            }
        },
    ),
)

_PRUNING = (
    Form(
        line="apply -f one.yaml --prune -l set=mine",
        given=["apply -f two.yaml"],
        files=_SET,
        prints=_PRUNED,
        complains=None,
        then=_C_ALONE,
    ),
    Form(
        line="apply -f one.yaml --prune --all --prune-allowlist=core/v1/ConfigMap",
        given=["apply -f two.yaml"],
        files=_SET,
        prints=_PRUNED,
        complains=None,
        then=_C_ALONE,
    ),
    Form(
        line="apply -f one.yaml --prune --applyset=secrets/set",
        given=["apply -f two.yaml --prune --applyset=secrets/set"],
        files=_SET,
        env={"KUBECTL_APPLYSET": "true"},
        prints=_PRUNED,
        complains=None,
        then=_C_ALONE,
    ),
)


def _of_another(scene: Scene) -> None:
    """Somebody else has applied the map, and owns `b`."""
    line = "apply --server-side --field-manager=other -f old.yaml"
    done = scene.run(scene.words(line))
    assert done.status == 0, done.stderr


def _managed_by_both(scene: Scene) -> None:
    there = scene.get("configmaps/c")
    assert there["data"] == {"a": "1", "b": "3"}
    managers = {each["manager"]: each["fieldsV1"] for each in there["metadata"]["managedFields"]}
    assert managers == {
        "kubectl": {"f:data": {"f:a": {}, "f:b": {}}},
        "other": {"f:data": {"f:a": {}}},
    }


_SERVER_SIDE = (
    Form(
        line="apply --server-side -f old.yaml",
        files=_FILES,
        prints="configmap/c serverside-applied",
        then={
            "configmaps/c": {"data": {"a": "1", "b": "2"}, **_managed(("kubectl", "Apply"))},
        },
    ),
    Form(
        line="apply --server-side -f old.yaml --field-manager=mine --dry-run=server",
        files=_FILES,
        prints="configmap/c serverside-applied (server dry run)",
        then={"configmaps/c": None},
    ),
    Form(
        line="apply --server-side -f new.yaml",
        given=[_of_another],
        files=_FILES,
        prints="",
        complains="""
            error: Apply failed with 1 conflict: conflict with "other": .data.b
            Please review the fields above--they currently have other managers. Here
            are the ways you can resolve this warning:
            * If you intend to manage all of these fields, please re-run the apply
              command with the `--force-conflicts` flag.
            * If you do not intend to manage all of the fields, please edit your
              manifest to remove references to the fields that should keep their
              current managers.
            * You may co-own fields by updating your manifest to match the existing
              value; in this case, you'll become the manager if the other manager(s)
              stop managing the field (remove it from their configuration).
            See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
            """,
        exits=1,
    ),
    Form(
        line="apply --server-side -f new.yaml --force-conflicts",
        given=[_of_another],
        files=_FILES,
        prints="configmap/c serverside-applied",
        then=_managed_by_both,
    ),
    Form(
        line="apply --server-side -f after.yaml",
        given=[_APPLIED],
        files={**_FILES, "after.yaml": given.config_map("c", a="2")},
        prints="configmap/c serverside-applied",
        then=_is_exactly(a="2"),
    ),
)

_LAST_APPLIED = (
    Form(
        line="apply view-last-applied configmap/c",
        given=[_APPLIED],
        files=_FILES,
        prints="apiVersion: v1 data: a: … b: … kind: ConfigMap metadata: annotations: {} "
        "name: c namespace: {ns}",
    ),
    Form(
        line="apply view-last-applied -f old.yaml -o json",
        given=[_APPLIED],
        files=_FILES,
        prints='{ "apiVersion": "v1", "data": { "a": "1", "b": "2" }, "kind": "ConfigMap", '
        '"metadata": { "annotations": {}, "name": "c", "namespace": "{ns}" } }',
    ),
    Form(
        line="apply set-last-applied -f new.yaml",
        given=[_APPLIED],
        files=_FILES,
        prints="configmap/c configured",
        then=_is_exactly(a="1", b="2"),
    ),
    Form(
        line="apply set-last-applied -f new.yaml --create-annotation",
        given=[_OLD],
        files=_FILES,
        prints="configmap/c configured",
    ),
    Form(
        line="apply edit-last-applied configmap/c",
        given=[_APPLIED],
        files={**_FILES, "editor.sh": '#!/bin/sh\nsed -i \'s/b: "2"/b: "4"/\' "$1"\n'},
        env={"KUBE_EDITOR": "{dir}/editor.sh"},
        prints="configmap/c edited",
        then=_is_exactly(a="1", b="2"),
    ),
)

_DIFF = (
    Form(line="diff -f old.yaml", given=[_APPLIED], files=_FILES, prints=""),
    Form(
        line="diff -f new.yaml",
        given=[_APPLIED],
        files=_FILES,
        prints="""
            diff -u -N …/v1.ConfigMap.{ns}.c …/v1.ConfigMap.{ns}.c
            --- …/v1.ConfigMap.{ns}.c …
            +++ …/v1.ConfigMap.{ns}.c …
            @@ -1,7 +1,7 @@
             apiVersion: v1
             data:
               a: "1"
            -  b: "2"
            +  b: "3"
             kind: ConfigMap
             metadata:
               annotations:
            """,
        exits=1,
    ),
    Form(
        line="diff -f more.yaml",
        files={"more.yaml": _OLD},
        prints="… +apiVersion: v1 +data: … +kind: ConfigMap …",
        exits=1,
    ),
    Form(
        line="diff --server-side -f new.yaml --force-conflicts",
        given=[_APPLIED],
        files=_FILES,
        prints='… - b: "2" + b: "3" …',
        exits=1,
    ),
    Form(
        line="diff -f one.yaml --prune -l set=mine",
        given=["apply -f two.yaml"],
        files=_SET,
        prints="… -apiVersion: v1 -kind: ConfigMap …",
        complains=None,
        exits=1,
    ),
    Form(
        line="diff -k base",
        files=_BASE,
        prints="… + name: my-c …",
        exits=1,
    ),
)

FORMS = (*_CLIENT_SIDE, *_PRUNING, *_SERVER_SIDE, *_LAST_APPLIED, *_DIFF)
