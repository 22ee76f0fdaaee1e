"""delete in all its forms."""

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form

_C = given.config_map("c", {"app": "x"})
_D = given.config_map("d", {"app": "x"})
_GONE = {"configmaps/c": None}
_A = given.pod("a")
_WEB = given.deployment()
# The forms always name a namespace.
_NOT_SCOPED = "Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n"


def _orphaned(scene):
    scene.until(lambda: scene.get("deployments/web") is None)
    [replica_set] = scene.get("replicasets")["items"]
    scene.until(lambda: "ownerReferences" not in scene.get("replicasets")["items"][0]["metadata"])
    assert replica_set["spec"]["replicas"] == 1
    assert len(scene.get("pods")["items"]) == 1


def _all_gone(scene):
    for each in ("deployments", "replicasets", "pods"):
        scene.until(lambda each=each: scene.get(each)["items"] == [])


def _with_a_team(scene):
    team = {"metadata": {"name": f"{scene.ns}-team"}}
    scene.http("POST", "/api/v1/namespaces", team)


FORMS = (
    Form(line="delete configmap c", given=[_C], prints='configmap "c" deleted', then=_GONE),
    Form(
        line="delete configmap/c configmap/d",
        given=[_C, _D],
        prints='configmap "c" deleted\nconfigmap "d" deleted',
        then={**_GONE, "configmaps/d": None},
    ),
    Form(
        line="delete configmaps -l app=x",
        given=[_C, _D],
        prints='configmap "c" deleted\nconfigmap "d" deleted',
        then={**_GONE, "configmaps/d": None},
    ),
    Form(
        line="delete secrets --all",
        given=[given.secret("one"), given.secret("two")],
        prints='secret "one" deleted\nsecret "two" deleted',
        then={"secrets/one": None, "secrets/two": None},
    ),
    Form(
        line="delete configmaps --field-selector=metadata.name=c",
        given=[_C, _D],
        prints='configmap "c" deleted',
        then={**_GONE, "configmaps/d": {}},
    ),
    Form(
        line="delete -f both.yaml",
        given=[_C, _D],
        files={"both.yaml": given.as_text(_C, _D)},
        prints='configmap "c" deleted\nconfigmap "d" deleted',
        then={**_GONE, "configmaps/d": None},
    ),
    Form(
        line="delete -k base",
        given=[_C],
        files={"base/kustomization.yaml": {"resources": ["c.yaml"]}, "base/c.yaml": _C},
        prints='configmap "c" deleted',
        then=_GONE,
    ),
    Form(
        line="delete configmap c -o name",
        given=[_C],
        prints="configmap/c",
        then=_GONE,
    ),
    Form(
        line="delete configmap c --dry-run=server",
        given=[_C],
        prints='configmap "c" deleted (server dry run)',
        then={"configmaps/c": {}},
    ),
    Form(line="delete configmap none --ignore-not-found", prints=""),
    Form(
        line="delete configmap none",
        prints="",
        complains='Error from server (NotFound): configmaps "none" not found',
        exits=1,
    ),
    Form(line="delete pod a", given=[_A], prints='pod "a" deleted', then={"pods/a": None}),
    Form(
        line="delete pod a --wait=false",
        given=[_A],
        prints='pod "a" deleted',
        then={"pods/a": None},
    ),
    Form(
        line="delete pod a --grace-period=1",
        given=[_A],
        prints='pod "a" deleted',
        then={"pods/a": None},
    ),
    Form(line="delete pod a --now", given=[_A], prints='pod "a" deleted', then={"pods/a": None}),
    Form(
        line="delete pod a --grace-period=0 --force",
        given=[_A],
        prints='pod "a" force deleted',
        complains="Warning: Immediate deletion does not wait for confirmation that the running "
        "resource has been terminated. The resource may continue to run on the cluster "
        "indefinitely.",
        then={"pods/a": None},
    ),
    Form(
        line="delete configmap c --timeout=100ms",
        given=[{**_C, "metadata": {"name": "c", "finalizers": ["example.com/hold"]}}],
        prints='configmap "c" deleted',
        complains="… error: timed out waiting for the condition on configmaps/c",
        exits=1,
        then=lambda scene: scene.patch("configmaps/c", {"metadata": {"finalizers": None}}),
    ),
    Form(
        line="delete deployment web --cascade=background",
        given=[_WEB],
        prints='deployment.apps "web" deleted',
        then=_all_gone,
    ),
    Form(
        line="delete deployment web --cascade=foreground",
        given=[_WEB],
        prints='deployment.apps "web" deleted',
        then=_all_gone,
    ),
    Form(
        line="delete deployment web --cascade=orphan",
        given=[_WEB],
        prints='deployment.apps "web" deleted',
        then=_orphaned,
    ),
    Form(
        line="delete all --all",
        given=[_WEB, given.service("web")],
        prints='pod "web-…" deleted service "web" deleted deployment.apps "web" deleted …',
        complains=None,
        then=_all_gone,
    ),
    Form(
        line="delete configmap c --interactive",
        given=[_C],
        stdin="y\n",
        prints="You are about to delete the following 1 resource(s):\nconfigmap/c\n"
        'Do you want to continue? (y/…): configmap "c" deleted',
        then=_GONE,
        since=29,
    ),
    Form(
        line="delete --raw /api/v1/namespaces/{ns}/configmaps/c",
        given=[_C],
        prints='{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":'
        '{"name":"c","kind":"configmaps","uid":"…"}}',
        then=_GONE,
    ),
    Form(
        line="delete namespace {ns}-team --wait=false",
        given=[_with_a_team],
        prints='namespace "{ns}-team" deleted',
        complains=_NOT_SCOPED,
        then={"namespaces/{ns}-team": {"status": {"phase": "Terminating"}}},
    ),
    Form(
        line="delete namespace kube-system",
        prints="",
        complains=f'{_NOT_SCOPED}Error from server (Forbidden): namespaces "kube-system" is '
        "forbidden: this namespace may not be deleted",
        exits=1,
    ),
)
