"""What simple commands print, with the variables of their containers."""

import pytest

from miniplane import testing
from miniplane.api import downward
from miniplane.api.resources import JOBS, PODS
from miniplane.runtime.logs.printed import printed
from miniplane.testing import objects

ENV = {"NAME": "web-0", "EMPTY": ""}


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (["echo", "hello", "$(NAME)"], [(0.0, "hello web-0")]),
        (["echo", "$$(NAME)", "$(NOBODY)"], [(0.0, "$(NAME) $(NOBODY)")]),
        (["sh", "-c", "echo '$NAME' \"$NAME\" ${NAME}s"], [(0.0, "$NAME web-0 web-0s")]),
        (["sh", "-c", "echo a; sleep 1m\necho b"], [(0.0, "a"), (60.0, "b")]),
        (["sh", "-c", "false && echo a || echo b"], [(0.0, "b")]),
        (["sh", "-c", "echo a; exit 3; echo b"], [(0.0, "a")]),
        (["sh", "-c", "echo a && sleep infinity"], [(0.0, "a")]),
        (
            ["sh", "-c", "printenv NAME; printenv NOBODY || echo none"],
            [(0.0, "web-0"), (0.0, "none")],
        ),
        (["sh", "-c", "echo $(date)"], None),
        (["sh", "-c", "echo a | cat"], None),
        (["sh", "-c", "while true; do echo a; done"], None),
        (["sh", "-c", "echo 'a"], None),
        (["nginx"], None),
    ],
)
def test_lines(argv, lines):
    assert printed(argv, ENV) == lines


def resource(resource, divisor="", container=""):
    ref = {"resource": resource, "divisor": divisor, "containerName": container}
    return {"resourceFieldRef": {k: v for k, v in ref.items() if v}}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"fieldRef": {"fieldPath": "metadata.labels['app']"}}, "web"),
        ({"fieldRef": {"fieldPath": "metadata.annotations['none']"}}, ""),
        ({"fieldRef": {"fieldPath": "spec.nodeName"}}, "node-1"),
        ({"fieldRef": {"fieldPath": "status.podIPs"}}, "10.244.0.2,fd00::2"),
        ({"fieldRef": {"fieldPath": "spec.flavour"}}, None),
        (resource("requests.cpu"), "1"),
        (resource("requests.cpu", "1m"), "250"),
        (resource("limits.memory", "1Mi"), "64"),
        (resource("limits.cpu"), None),
        (resource("requests.memory", container="other"), "1024"),
        ({"secretKeyRef": {"name": "a", "key": "b"}}, None),
    ],
)
def test_variables(source, value):
    pod = objects.pod("web", labels={"app": "web"}, nodeName="node-1")
    pod["status"] = {"podIPs": [{"ip": "10.244.0.2"}, {"ip": "fd00::2"}]}
    [main] = pod["spec"]["containers"]
    main["resources"] = {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}}
    main["env"] = [{"name": "A", "valueFrom": source}, {"name": "B", "value": "<$(A)>"}]
    other = {"name": "other", "resources": {"requests": {"memory": "1Ki"}}}
    pod["spec"]["containers"].append(other)
    env = downward.environment(pod, main)
    assert env.get("A") == value
    assert env["B"] == ("<$(A)>" if value is None else f"<{value}>")


async def test_a_pod_says_who_it_is():
    async with testing.cluster(nodes=1) as c:
        made = objects.pod("web")
        name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        script = "echo $(POD_NAME) $POD_NAME on $HOSTNAME; sleep 5; echo later; sleep infinity"
        made["spec"]["containers"][0] |= {"env": [name], "command": ["sh", "-c", script]}
        await c.client.create(PODS, made)
        await c.settle()
        assert c.logs.read("default", "web") == "web web on web\n"
        await c.advance(5)
        assert c.logs.read("default", "web") == "web web on web\nlater\n"
        assert c.logs.read("default", "web", tail_lines=1) == "later\n"
        note = {"metadata": {"annotations": {"sim.miniplane.dev/log": "this is $(POD_NAME)"}}}
        await c.client.patch(PODS, "web", note, "default")
        await c.settle()
        assert c.logs.read("default", "web") == "this is web\n"


@pytest.mark.parametrize("begin", [0.0, 0.3, 0.8])
async def test_what_is_said_in_the_last_second_is_there(begin):
    """A status tells the end in whole seconds, whatever the part of a second in which it began."""
    async with testing.cluster(nodes=1) as c:
        await c.advance(begin)
        script = "echo a; sleep 0.4; echo b; sleep 1.5; echo $(NAME); exit 3"
        container = {"name": "main", "image": "busybox", "command": ["sh", "-c", script]}
        container["env"] = [{"name": "NAME", "value": "c"}]
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        job = {"metadata": {"name": "import"}, "spec": {"backoffLimit": 0, "template": template}}
        await c.client.create(JOBS, job, namespace="default")
        await c.advance(5)
        [pod] = await c.pods()
        assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
        assert c.logs.read("default", pod["metadata"]["name"]) == "a\nb\nc\n"
