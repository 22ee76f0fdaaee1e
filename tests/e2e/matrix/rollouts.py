"""rollout of deployments, stateful sets and daemon sets."""

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form

_WEB = given.deployment()
_DB = given.stateful_set()
_AGENT = given.daemon_set()
_NEXT = "set image deployment/web main=nginx:1.27"
_STATUS = "rollout status deployment/web"


def _image(image: str):
    return {"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


def _restarted(name: str):
    annotations = "kubectl.kubernetes.io/restartedAt"

    def then(scene):
        template = scene.get(name)["spec"]["template"]["metadata"]
        assert annotations in template["annotations"]

    return then


_HISTORY = """
    deployment.apps/web
    REVISION CHANGE-CAUSE
    1 <none>
    2 <none>
    """

FORMS = (
    Form(
        line="rollout status deployment/web",
        given=[_WEB],
        prints='deployment "web" successfully rolled out',
    ),
    Form(
        line="rollout status deployment web --timeout=30s",
        given=[_WEB, "scale deployment web --replicas=3"],
        prints='… deployment "web" successfully rolled out',
    ),
    Form(
        line="rollout status deployment/web --watch=false",
        given=[given.deployment(paused=True)],
        prints='Waiting for deployment "web" rollout to finish: 0 out of 1 new replicas have been '
        "updated...",
    ),
    Form(
        line="rollout status deployment/web --timeout=100ms",
        given=[given.deployment(paused=True)],
        prints='Waiting for deployment "web" rollout to finish: 0 out of 1 new replicas have been '
        "updated...",
        complains="error: timed out waiting for the condition",
        exits=1,
    ),
    Form(
        line="rollout status statefulset/db",
        given=[_DB],
        prints="partitioned roll out complete: 1 new pods have been updated...",
    ),
    Form(
        line="rollout status daemonset/agent",
        given=[_AGENT],
        prints='daemon set "agent" successfully rolled out',
    ),
    Form(line="rollout history deployment/web", given=[_WEB, _NEXT, _STATUS], prints=_HISTORY),
    Form(
        line="rollout history deployment web --revision=2",
        given=[_WEB, _NEXT, _STATUS],
        prints="""
            deployment.apps/web with revision #2
            Pod Template:
              Labels: app=web
              pod-template-hash=…
              Containers:
               main:
                Image: nginx:1.27
                …
            """,
    ),
    Form(
        line="rollout history statefulset/db",
        given=[_DB],
        prints="statefulset.apps/db REVISION CHANGE-CAUSE 1 <none>",
    ),
    Form(
        line="rollout history daemonset/agent --revision=1",
        given=[_AGENT],
        prints="daemonset.apps/agent with revision #1 Pod Template: Labels: app=agent Containers: "
        "main: Image: nginx:1.26 …",
    ),
    Form(
        line="rollout history deployment/web --revision=9",
        given=[_WEB],
        prints="",
        complains="error: unable to find the specified revision",
        exits=1,
    ),
    Form(
        line="rollout restart deployment/web",
        given=[_WEB],
        prints="deployment.apps/web restarted",
        then=_restarted("deployments/web"),
    ),
    Form(
        line="rollout restart statefulset db",
        given=[_DB],
        prints="statefulset.apps/db restarted",
        then=_restarted("statefulsets/db"),
    ),
    Form(
        line="rollout restart daemonset -l app=agent",
        given=[_AGENT],
        prints="daemonset.apps/agent restarted",
        then=_restarted("daemonsets/agent"),
    ),
    Form(
        line="rollout pause deployment/web",
        given=[_WEB],
        prints="deployment.apps/web paused",
        then={"deployments/web": {"spec": {"paused": True}}},
    ),
    Form(
        line="rollout pause deployment web",
        given=[given.deployment(paused=True)],
        prints="",
        complains='error: deployments.apps "web" is already paused',
        exits=1,
    ),
    Form(
        line="rollout resume deployment/web",
        given=[given.deployment(paused=True)],
        prints="deployment.apps/web resumed",
        then={"deployments/web": {"spec": {"paused": None}, "status": {"readyReplicas": 1}}},
    ),
    Form(
        line="rollout undo deployment/web",
        given=[_WEB, _NEXT, _STATUS],
        prints="deployment.apps/web rolled back",
        then={
            "deployments/web": {
                "metadata": {"annotations": {"deployment.kubernetes.io/revision": "3"}},
                **_image("nginx:1.26"),
            }
        },
    ),
    Form(
        line="rollout undo deployment web --to-revision=1",
        given=[_WEB, _NEXT, _STATUS],
        prints="deployment.apps/web rolled back",
        then={"deployments/web": _image("nginx:1.26")},
    ),
    Form(
        line="rollout undo statefulset/db",
        given=[_DB, "set image statefulset/db main=nginx:1.27", "rollout status statefulset/db"],
        prints="statefulset.apps/db rolled back",
        then={"statefulsets/db": _image("nginx:1.26")},
    ),
    Form(
        line="rollout undo daemonset/agent",
        given=[_AGENT, "set image ds/agent main=nginx:1.27", "rollout status ds/agent"],
        prints="daemonset.apps/agent rolled back",
        then={"daemonsets/agent": _image("nginx:1.26")},
    ),
    Form(
        line="rollout undo deployment/web --dry-run=server",
        given=[_WEB, _NEXT, _STATUS],
        prints="deployment.apps/web rolled back (server dry run)",
        then={"deployments/web": _image("nginx:1.27")},
    ),
)
