"""cordon, uncordon, drain, taint and top."""

from typing import Any

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form
from tests.e2e.matrix.scene import Outcome, Scene

_SPARE = given.node("spare")
_A = given.pod("a", nodeName="spare")
_LONELY = "Warning: deleting Pods that declare no controller: {ns}/a"
_UNTAINTED = {"nodes/spare": {"spec": {"taints": None}}}


def _form(line: str, *objects: Any, says: str, **rest: Any) -> Form:
    """A form for a node `spare`, which is there for it alone."""
    leaves = ["nodes/spare"]
    return Form(line=line, given=[_SPARE, *objects], prints=says, leaves=leaves, **rest)


def _cordoned(yes: bool) -> dict[str, Any]:
    return {"nodes/spare": {"spec": {"unschedulable": yes or None}}}


def _tainted(value: str | None) -> dict[str, Any]:
    taint = {"key": "dry", "effect": "NoSchedule", "value": value}
    return {"nodes/spare": {"spec": {"taints": [taint]}}}


_CORDON = (
    _form("cordon spare", says="node/spare cordoned", then=_cordoned(True)),
    _form("cordon node/spare", "cordon spare", says="node/spare already cordoned"),
    _form(
        "cordon -l kubernetes.io/hostname=spare",
        says="node/spare cordoned",
        then=_cordoned(True),
    ),
    _form(
        "cordon spare --dry-run=server",
        says="node/spare cordoned (server dry run)",
        then=_cordoned(False),
    ),
    _form("uncordon spare", "cordon spare", says="node/spare uncordoned", then=_cordoned(False)),
    _form("uncordon node/spare", says="node/spare already uncordoned"),
)

_EVICTED = """
    node/spare cordoned
    evicting pod {ns}/a
    pod/a evicted
    node/spare drained
    """
_A_GONE = {"pods/a": None, **_cordoned(True)}
_KEEPS = given.pod("a", nodeName="spare", volumes=[{"name": "scratch", "emptyDir": {}}])

_DRAIN = (
    _form("drain spare", says="node/spare cordoned\nnode/spare drained", then=_cordoned(True)),
    _form(
        "drain node/spare",
        _A,
        says="node/spare cordoned",
        complains='error: unable to drain node "spare" due to … declare no controller (use '
        "--force to override): {ns}/a, continuing command... There are pending nodes to be "
        "drained: spare … declare no controller (use --force to override): {ns}/a",
        exits=1,
        then={"pods/a": {}},
    ),
    _form("drain spare --force", _A, says=_EVICTED, complains=_LONELY, then=_A_GONE),
    _form(
        "drain spare --force --grace-period=1 --timeout=30s",
        _A,
        says=_EVICTED,
        complains=_LONELY,
        then=_A_GONE,
    ),
    _form(
        "drain spare --force --disable-eviction",
        _A,
        says="node/spare cordoned\npod/a deleted\nnode/spare drained",
        complains=_LONELY,
        then=_A_GONE,
    ),
    _form(
        "drain spare --force --delete-emptydir-data",
        _KEEPS,
        says=_EVICTED,
        complains=_LONELY,
        then=_A_GONE,
    ),
    _form(
        "drain spare --force --pod-selector=app=b",
        _A,
        says="node/spare cordoned\nnode/spare drained",
        then={"pods/a": {}},
    ),
    _form(
        "drain spare --ignore-daemonsets",
        given.daemon_set(),
        says="node/spare cordoned\nnode/spare drained",
        complains="Warning: ignoring DaemonSet-managed Pods: {ns}/agent-…",
    ),
    _form(
        "drain spare --force --dry-run=server",
        _A,
        says="""
            node/spare cordoned (server dry run)
            evicting pod {ns}/a (server dry run)
            node/spare drained (server dry run)
            """,
        complains=_LONELY,
        then={"pods/a": {}, **_cordoned(False)},
    ),
)

_TAINT = (
    _form(
        "taint nodes spare dry=yes:NoSchedule",
        says="node/spare tainted",
        then=_tainted("yes"),
    ),
    _form(
        "taint node spare dry=no:NoSchedule",
        "taint nodes spare dry=yes:NoSchedule",
        says="",
        complains="error: node spare already has dry taint(s) with same effect(s) and --overwrite "
        "is false",
        exits=1,
    ),
    _form(
        "taint node spare dry=no:NoSchedule --overwrite",
        "taint nodes spare dry=yes:NoSchedule",
        says="node/spare modified",
        then=_tainted("no"),
    ),
    _form(
        "taint node spare dry:NoSchedule-",
        "taint nodes spare dry=yes:NoSchedule",
        says="node/spare untainted",
        then=_UNTAINTED,
    ),
    _form(
        "taint node -l kubernetes.io/hostname=spare dry:NoExecute",
        says="node/spare tainted",
        then={"nodes/spare": {"spec": {"taints": [{"key": "dry", "effect": "NoExecute"}]}}},
    ),
    _form(
        "taint node spare dry=yes:NoSchedule --dry-run=server",
        says="node/spare tainted",
        then=_UNTAINTED,
    ),
)


def _patiently(scene: Scene, words: list[str]) -> Outcome:
    """Figures come a moment after what they are of."""
    outcomes = []

    def there() -> bool:
        outcomes.append(scene.run(words))
        return outcomes[-1].status == 0

    scene.until(there)
    return outcomes[-1]


def _top(line: str, says: str, *objects: Any) -> Form:
    return Form(
        line=f"top {line}",
        given=objects,
        run=_patiently,
        prints=says,
        flag="--metrics-server",
        without="error: Metrics API not available",
    )


_POD = given.pod("a")

_TOP = (
    _top(
        "nodes",
        "NAME CPU(cores) CPU… MEMORY(bytes) MEMORY… node-1 …m …% …Mi …% node-2 … node-3 …",
    ),
    _top("node node-1 --no-headers", "node-1 …m …% …Mi …%"),
    _top("pods", "NAME CPU(cores) MEMORY(bytes) a …m …Mi", _POD),
    _top("pod a --containers", "POD NAME CPU(cores) MEMORY(bytes) a main …m …Mi", _POD),
    _top("pods -A --sort-by=cpu", "NAMESPACE NAME CPU(cores) MEMORY(bytes) … {ns} a …", _POD),
    _top("pods -l app=a --sum", "NAME CPU(cores) MEMORY(bytes) a …m …Mi … …m …Mi", _POD),
)

FORMS = (*_CORDON, *_DRAIN, *_TAINT, *_TOP)
