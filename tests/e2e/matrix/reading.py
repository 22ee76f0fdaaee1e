"""get in all its forms."""

from collections.abc import Sequence

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form
from tests.e2e.matrix.scene import Outcome, Scene

_PODS = [given.pod("a"), given.pod("b")]
_C = given.config_map("c", a="1")
_MAPS = [given.config_map("one", {"app": "x"}), given.config_map("two", {"app": "y"})]

_PRINTED = (
    Form(
        line="get pods",
        given=_PODS,
        prints="""
            NAME READY STATUS RESTARTS AGE
            a 1/1 Running 0 …s
            b 1/1 Running 0 …s
            """,
    ),
    Form(
        line="get pods -o wide",
        given=_PODS[:1],
        prints="""
            NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES
            a 1/1 Running 0 …s 10.244.… node-… <none> <none>
            """,
    ),
    Form(
        line="get configmap c -o yaml",
        given=[_C],
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
        line="get configmap c -o json",
        given=[_C],
        prints="""
            {
                "apiVersion": "v1",
                "data": {
                    "a": "1"
                },
                "kind": "ConfigMap",
                "metadata": {
                    "creationTimestamp": "…",
                    "name": "c",
                    "namespace": "{ns}",
                    "resourceVersion": "…",
                    "uid": "…"
                }
            }
            """,
    ),
    Form(
        line="get configmap c -o kyaml",
        given=[_C],
        prints="""
            ---
            {
              apiVersion: "v1",
              data: {
                a: "1",
              },
              kind: "ConfigMap",
              metadata: {
                creationTimestamp: "…",
                name: "c",
                namespace: "{ns}",
                resourceVersion: "…",
                uid: "…",
              },
            }
            """,
        since=35,
    ),
    Form(line="get pods -o name", given=_PODS, prints="pod/a\npod/b"),
    Form(line="get pods -o jsonpath='{.items[*].metadata.name}'", given=_PODS, prints="a b"),
    Form(
        line="get configmap c -o jsonpath-as-json='{.data}'",
        given=[_C],
        prints='[\n    {\n        "a": "1"\n    }\n]',
    ),
    Form(
        line="get configmap c -o jsonpath-file=path",
        given=[_C],
        files={"path": "{.data.a}"},
        prints="1",
    ),
    Form(
        line="get pods -o go-template='{{range .items}}{{.metadata.name}};{{end}}'",
        given=_PODS,
        prints="a;b;",
    ),
    Form(
        line="get configmap c -o go-template-file=template",
        given=[_C],
        files={"template": "{{.data.a}}\n"},
        prints="1",
    ),
    Form(
        line="get configmap c --template='{{.data.a}}' -o template",
        given=[_C],
        prints="1",
    ),
    Form(
        line="get pods -o custom-columns=WHO:.metadata.name,APP:.metadata.labels.app",
        given=_PODS,
        prints="WHO APP\na a\nb b",
    ),
    Form(
        line="get pods -o custom-columns-file=columns",
        given=_PODS,
        files={"columns": "WHO            WHERE\nmetadata.name  spec.restartPolicy\n"},
        prints="WHO WHERE\na Always\nb Always",
    ),
    Form(
        line="get configmaps one two --no-headers",
        given=_MAPS,
        prints="one 0 …s\ntwo 0 …s",
    ),
    Form(
        line="get configmap c --server-print=false",
        given=[_C],
        prints="NAME AGE\nc …s",
    ),
    Form(
        line="get configmap c -o yaml --show-managed-fields",
        given=["create configmap c --from-literal=a=1"],
        prints="""
            apiVersion: v1
            data:
              a: "1"
            kind: ConfigMap
            metadata:
              creationTimestamp: "…"
              managedFields:
              - apiVersion: v1
                fieldsType: FieldsV1
                fieldsV1:
                  f:data:
                    .: {}
                    f:a: {}
                manager: kubectl-create
                operation: Update
                time: "…"
              name: c
              namespace: {ns}
              resourceVersion: "…"
              uid: …
            """,
    ),
)

_CHOSEN = (
    Form(
        line="get configmaps -l app=x",
        given=_MAPS,
        prints="NAME DATA AGE\none 0 …s",
    ),
    Form(
        line="get configmaps -l 'app in (x, y),app!=y' -o name",
        given=_MAPS,
        prints="configmap/one",
    ),
    Form(
        line="get configmaps -l '!app' -o name",
        given=_MAPS,
        prints="configmap/kube-root-ca.crt",
    ),
    Form(
        line="get configmaps --show-labels -l app",
        given=_MAPS,
        prints="NAME DATA AGE LABELS\none 0 …s app=x\ntwo 0 …s app=y",
    ),
    Form(
        line="get configmaps -L app -l app",
        given=_MAPS,
        prints="NAME DATA AGE APP\none 0 …s x\ntwo 0 …s y",
    ),
    Form(
        line="get pods --field-selector=status.phase=Running,metadata.name!=b -o name",
        given=_PODS,
        prints="pod/a",
    ),
    Form(
        line="get configmaps --sort-by='{.metadata.labels.app}' -l app -o name",
        given=[given.config_map("one", {"app": "y"}), given.config_map("two", {"app": "x"})],
        prints="configmap/two\nconfigmap/one",
    ),
    Form(
        line="get configmaps -A --field-selector=metadata.name=one",
        given=_MAPS,
        prints="NAMESPACE NAME DATA AGE … {ns} one 0 …s …",
    ),
    Form(
        line="get configmaps --chunk-size=1 -o name",
        given=_MAPS,
        prints="configmap/kube-root-ca.crt\nconfigmap/one\nconfigmap/two",
    ),
    Form(
        line="get configmap/one serviceaccount/default",
        given=_MAPS,
        prints="NAME DATA AGE\nconfigmap/one 0 …s\n\nNAME AGE\nserviceaccount/default …s",
    ),
    Form(
        line="get configmaps,secrets -l app",
        given=[*_MAPS, given.secret("s", a="1")],
        prints="NAME DATA AGE\nconfigmap/one 0 …s\nconfigmap/two 0 …s",
    ),
    Form(
        line="get all",
        given=[given.deployment(), given.service("web"), given.cron_job()],
        prints="""
            NAME READY STATUS RESTARTS AGE
            pod/web-… 1/1 Running 0 …s

            NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE
            service/web ClusterIP 10.96.… <none> 80/TCP …s

            NAME READY UP-TO-DATE AVAILABLE AGE
            deployment.apps/web 1/1 1 1 …s

            NAME DESIRED CURRENT READY AGE
            replicaset.apps/web-… 1 1 1 …s

            NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE
            cronjob.batch/often 0 0 1 1 * <none> False 0 <none> …s
            """,
    ),
    Form(
        line="get configmaps one --show-kind",
        given=_MAPS,
        prints="NAME DATA AGE\nconfigmap/one 0 …s",
    ),
    Form(
        line="get -f c.yaml -o name",
        given=[_C],
        files={"c.yaml": _C},
        prints="configmap/c",
    ),
    Form(
        line="get -k base -o name",
        given=[_C],
        files={"base/kustomization.yaml": {"resources": ["c.yaml"]}, "base/c.yaml": _C},
        prints="configmap/c",
    ),
    Form(
        line="get deployments.v1.apps web -o name",
        given=[given.deployment(replicas=0)],
        prints="deployment.apps/web",
    ),
    Form(
        line="get widgets",
        given=[given.WIDGETS, given.widget()],
        prints="NAME SIZE\nwheel 3",
        leaves=["customresourcedefinitions/widgets.example.com"],
    ),
    Form(
        line="get deployment web --subresource=status",
        given=[given.deployment()],
        prints="NAME READY UP-TO-DATE AVAILABLE AGE\nweb 1/1 1 1 …s",
    ),
    Form(
        line="get deployment web --subresource=scale",
        given=[given.deployment()],
        prints="NAME DESIRED AVAILABLE AGE\nweb 1 1 …s",
    ),
    Form(
        line="get pod a --subresource=resize -o name",
        given=_PODS[:1],
        prints="pod/a",
        since=33,
    ),
)

_NOT_THERE = (
    Form(
        line="get secrets",
        prints="",
        complains="No resources found in {ns} namespace.",
    ),
    Form(
        line="get pod none",
        prints="",
        complains='Error from server (NotFound): pods "none" not found',
        exits=1,
    ),
    Form(line="get pod none --ignore-not-found", prints=""),
    Form(
        line="get nonsense",
        prints="",
        complains='error: the server doesn\'t have a resource type "nonsense"',
        exits=1,
    ),
    Form(
        line="get pods --field-selector=spec.color=red",
        prints="",
        complains='Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match '
        'label selector "", field selector "spec.color=red": field label not supported: '
        "spec.color",
        exits=1,
    ),
)

_RAW = (
    Form(line="get --raw /readyz", prints="ok"),
    Form(
        line="get --raw /livez?verbose",
        prints="[+]ping ok\n…\nlivez check passed",
    ),
    Form(
        line="get --raw /api/v1/namespaces/{ns}",
        prints='{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"{ns}",…},'
        '"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}',
    ),
    Form(line="get --raw /metrics", prints="# HELP …"),
    Form(
        line="get --raw /nothing",
        prints="",
        complains="Error from server (NotFound): the server could not find the requested resource",
        exits=1,
    ),
)


def _changing(scene: Scene, words: Sequence[str]) -> Outcome:
    """Watches, and changes the map `c` once the watch has begun."""
    return scene.follow(
        [*words, "-v=6"],
        until=r"c +2 ",
        begun="watch=true",
        do=lambda _: scene.patch("configmaps/c", {"data": {"b": "2"}}),
    )


def _deleting(scene: Scene, words: Sequence[str]) -> Outcome:
    return scene.follow(
        [*words, "-v=6"],
        until=r"DELETED ",
        begun="watch=true",
        do=lambda _: scene.delete("configmaps/c"),
    )


_WATCHED = (
    Form(
        line="get configmaps -w --field-selector=metadata.name=c",
        given=[_C],
        run=_changing,
        prints="NAME DATA AGE\nc 1 …s\nc 2 …s",
        complains=None,
    ),
    Form(
        line="get configmap c --watch",
        given=[_C],
        run=_changing,
        prints="NAME DATA AGE\nc 1 …s\nc 2 …s",
        complains=None,
    ),
    Form(
        line="get configmap c --watch-only",
        given=[_C],
        run=_changing,
        prints="NAME DATA AGE\nc 2 …s",
        complains=None,
    ),
    Form(
        line="get configmap c -w --output-watch-events",
        given=[_C],
        run=_deleting,
        prints="EVENT NAME DATA AGE\nADDED c 1 …s\nDELETED c 1 …s",
        complains=None,
    ),
)

_EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "hot"},
    "involvedObject": {"kind": "ConfigMap", "name": "c", "apiVersion": "v1"},
    "type": "Warning",
    "reason": "TooHot",
    "message": "it is too hot",
    "firstTimestamp": "2026-01-01T00:00:00Z",
    "lastTimestamp": "2026-01-01T00:00:00Z",
}
_CALM = {**_EVENT, "metadata": {"name": "calm"}, "type": "Normal", "reason": "Calm"}
_HOT_ROW = "… Warning TooHot ConfigMap/c it is too hot"
_TITLES = "LAST SEEN TYPE REASON OBJECT MESSAGE"


def _heating(scene: Scene, words: Sequence[str]) -> Outcome:
    event = {**_EVENT, "metadata": {"name": "hot", "namespace": scene.ns}}
    event["involvedObject"] = {**_EVENT["involvedObject"], "namespace": scene.ns}
    return scene.follow(
        [*words, "-v=6"], until="TooHot", begun="watch=true", do=lambda _: scene.create(event)
    )


def _happened(*events: given.Manifest) -> Sequence[object]:
    """The events, of an object in the scene's namespace."""

    def create(scene: Scene) -> None:
        for event in events:
            involved = {**event["involvedObject"], "namespace": scene.ns}
            scene.create({**event, "involvedObject": involved})

    return [create]


_EVENTS = (
    Form(
        line="events",
        given=_happened(_EVENT, _CALM),
        prints=f"{_TITLES}\n… {_HOT_ROW}",
    ),
    Form(
        line="events --for=configmap/c",
        given=[_C, *_happened(_EVENT)],
        prints=f"{_TITLES}\n{_HOT_ROW}",
    ),
    Form(
        line="events --types=Warning --no-headers",
        given=_happened(_EVENT, _CALM),
        prints=_HOT_ROW,
    ),
    Form(
        line="events -A --types=Warning -o json",
        given=_happened(_EVENT),
        prints='{ "kind": "EventList", … "reason": "TooHot", … }',
    ),
    Form(line="events -w", run=_heating, prints=f"{_TITLES}\n{_HOT_ROW}", complains=None),
    Form(
        line="get events --field-selector=reason=TooHot",
        given=_happened(_EVENT, _CALM),
        prints=f"{_TITLES}\n… Warning TooHot configmap/c it is too hot",
    ),
)

FORMS = (*_PRINTED, *_CHOSEN, *_NOT_THERE, *_RAW, *_WATCHED, *_EVENTS)
