"""logs, exec, attach, cp, port-forward and debug: what asks for processes is refused."""

from typing import Any

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form

_A = given.pod("a")
_NOT = "Error from server (NotImplemented): miniplane does not serve"
_NO_EXEC = f"{_NOT} pods/exec: there are no processes in simulated pods to run commands in"
_NO_ATTACH = f"{_NOT} pods/attach: there are no processes in simulated pods to attach to"
_NO_PORTS = (
    "error: error upgrading connection: miniplane does not serve pods/portforward: "
    "simulated pods listen on no ports"
)


def _refused(line: str, why: str, *objects: Any, before: str = "", **rest: Any) -> Form:
    return Form(
        line=line,
        given=objects or [_A],
        prints=rest.pop("prints", ""),
        complains=f"{before} {why}",
        exits=1,
        lacks=True,
        **rest,
    )


_SAYS = (
    'miniplane: container "main" was started from image "…"; it is simulated: nothing runs in it'
)

_LOGS = (
    Form(line="logs a", given=[_A], prints=_SAYS),
    Form(
        line="logs a -c main --follow --limit-bytes=9",
        given=[_A],
        prints="miniplane",
    ),
    Form(line="logs a --tail=1 --timestamps", given=[_A], prints=f"…Z {_SAYS}"),
    Form(
        line="logs a --previous",
        given=[_A],
        complains="Error from server (BadRequest): previous terminated container "
        '"main" in pod "a" not found',
        exits=1,
    ),
    Form(
        line="logs deployment/web --all-containers",
        given=[given.deployment()],
        prints=None,
        complains=None,
    ),
    Form(line="logs -l app=a --prefix --since=1h", given=[_A], prints=f"[pod/a/main] {_SAYS}"),
)

_EXEC = (
    _refused("exec a -- date", _NO_EXEC),
    _refused("exec -i a -c main -- sh", _NO_EXEC),
    _refused("exec deployment/web -- date", _NO_EXEC, given.deployment()),
    _refused("attach a", _NO_ATTACH, before="…"),
    _refused("attach a -c main -i", _NO_ATTACH, before="…"),
    Form(
        line="run one --image=busybox --rm -i --restart=Never "
        "--annotations=sim.miniplane.dev/run-for=1s",
        prints="miniplane: container … simulated: nothing runs in it … deleted",
        complains="… falling back to streaming logs: miniplane does not serve pods/attach: there "
        "are no processes in simulated pods to attach to",
    ),
    _refused("cp file a:/tmp/file", _NO_EXEC, files={"file": "text"}),
    _refused("cp a:/tmp/file file -c main", _NO_EXEC),
    _refused("port-forward pod/a :80", _NO_PORTS),
    _refused("port-forward service/a :80", _NO_PORTS, _A, given.service("a")),
)


def _has_debugger(image: str = "busybox"):
    return {"pods/a": {"spec": {"ephemeralContainers": [{"image": image}]}}}


_DEBUG = (
    Form(
        line="debug a --image=busybox",
        given=[_A],
        prints="Defaulting debug container name to debugger-….",
        complains=None,
        then=_has_debugger(),
    ),
    Form(
        line="debug a --image=busybox -c looks --target=main --profile=general",
        given=[_A],
        prints='Targeting container "main". If you don\'t see processes from this container it '
        "may be because the container runtime doesn't support this feature.",
        then={
            "pods/a": {
                "spec": {"ephemeralContainers": [{"name": "looks", "targetContainerName": "main"}]}
            }
        },
    ),
    Form(
        line="debug a --image=busybox --copy-to=b --share-processes",
        given=[_A],
        prints="Defaulting debug container name to debugger-….",
        complains=None,
        then={
            "pods/b": {
                "spec": {
                    "shareProcessNamespace": True,
                    "containers": [{"name": "main"}, {"image": "busybox"}],
                }
            }
        },
    ),
    Form(
        line="debug a --copy-to=b --set-image=main=busybox",
        given=[_A],
        prints="",
        complains=None,
        then={"pods/b": {"spec": {"containers": [{"image": "busybox"}]}}},
    ),
    Form(
        line="debug node/node-1 --image=busybox",
        prints="Creating debugging pod node-debugger-node-1-… with container debugger on node "
        "node-1.",
        complains=None,
        then=lambda scene: scene.until(
            lambda: [pod["spec"]["nodeName"] for pod in scene.get("pods")["items"]] == ["node-1"]
        ),
    ),
    Form(
        line="debug -i a --image=busybox",
        given=[_A],
        prints="Defaulting debug container name to debugger-…. …",
        complains="… falling back to streaming logs: miniplane does not serve pods/attach: there "
        "are no processes in simulated pods to attach to",
    ),
)

FORMS = (*_LOGS, *_EXEC, *_DEBUG)
