"""What kubectl finds out about the server, and proxy."""

import json
import os
import re
import socket
import urllib.request
from collections.abc import Sequence
from typing import Any

from tests.e2e.conftest import PATIENCE
from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form
from tests.e2e.matrix.scene import Outcome, Scene

_WIDGETS = "customresourcedefinitions/widgets.example.com"

_RESOURCES = (
    Form(
        line="api-resources",
        prints="NAME SHORTNAMES APIVERSION NAMESPACED KIND … pods po v1 true Pod … "
        "deployments deploy apps/v1 true Deployment …",
    ),
    Form(
        line="api-resources --api-group=apps --no-headers",
        prints="""
            controllerrevisions apps/v1 true ControllerRevision
            daemonsets ds apps/v1 true DaemonSet
            deployments deploy apps/v1 true Deployment
            replicasets rs apps/v1 true ReplicaSet
            statefulsets sts apps/v1 true StatefulSet
            """,
    ),
    Form(
        line="api-resources --api-group=policy -o wide",
        prints="NAME SHORTNAMES APIVERSION NAMESPACED KIND VERBS CATEGORIES "
        "poddisruptionbudgets pdb policy/v1 true PodDisruptionBudget "
        "create,delete,deletecollection,get,list,patch,update,watch",
    ),
    Form(
        line="api-resources --namespaced=false --verbs=list,delete -o name",
        prints="… namespaces nodes persistentvolumes …",
    ),
    Form(
        line="api-resources --categories=all -o name --sort-by=name",
        prints="cronjobs.batch daemonsets.apps deployments.apps "
        "horizontalpodautoscalers.autoscaling jobs.batch pods replicasets.apps "
        "replicationcontrollers services statefulsets.apps",
    ),
    Form(
        line="api-resources --api-group=example.com --no-headers",
        given=[given.WIDGETS],
        prints="widgets example.com/v1 true Widget",
        leaves=[_WIDGETS],
    ),
    Form(
        line="api-versions",
        prints="… apps/v1 … autoscaling/v1 autoscaling/v2 batch/v1 … v1",
    ),
)

_VERSION = (
    Form(
        line="version",
        prints={
            0: 'Client Version: … Server Version: version.Info{Major:"1", Minor:"36", …',
            28: "Client Version: v1.… Kustomize Version: v… Server Version: v1.36.…",
        },
        complains={
            0: "… WARNING: version difference between client (1.…) and server (1.36) exceeds the "
            "supported minor version skew of +/-1",
            35: "",
        },
    ),
    Form(
        line="version -o json",
        prints='{ "clientVersion": { … "serverVersion": { "major": "1", "minor": '
        '"36", … "gitVersion": "v1.36.…", … } }',
        complains=None,
    ),
    Form(
        line="version -o yaml",
        prints='clientVersion: … serverVersion: … gitVersion: v1.36.… … minor: "36" …',
        complains=None,
    ),
)

_INFO = (
    Form(
        line="cluster-info",
        prints="Kubernetes control plane is running at http… To further debug and diagnose "
        "cluster problems, use 'kubectl cluster-info dump'.",
    ),
    Form(
        line="cluster-info dump --namespaces={ns}",
        prints='{ "kind": "NodeList", … "kind": "EventList", … "kind": "PodList", …',
    ),
    Form(
        line="cluster-info dump --output-directory=out --namespaces={ns} -o yaml",
        prints="Cluster info dumped to out",
        then=lambda scene: (
            "node-1" in (scene.folder / "out" / "nodes.yaml").read_text()
            and (scene.folder / "out" / scene.ns / "pods.yaml").stat()
        ),
    ),
    Form(
        line="get componentstatuses",
        prints="NAME STATUS MESSAGE ERROR … scheduler Healthy ok …",
        complains="Warning: v1 ComponentStatus is deprecated in v1.19+",
    ),
)

_EXPLAIN = (
    Form(
        line="explain configmap",
        prints="KIND: ConfigMap VERSION: v1 DESCRIPTION: ConfigMap holds configuration data for "
        "pods to consume. FIELDS: apiVersion <string> … data <map[string]string> …",
    ),
    Form(
        line="explain deployment.spec.replicas",
        prints="GROUP: apps KIND: Deployment VERSION: v1 FIELD: replicas <integer> DESCRIPTION: …",
    ),
    Form(
        line="explain pod.spec.containers.ports --recursive",
        prints="""
            KIND: Pod
            VERSION: v1
            FIELD: ports <[]ContainerPort>
            DESCRIPTION:
                …
            FIELDS:
              containerPort <integer> -required-
              hostIP <string>
              hostPort <integer>
              name <string>
              protocol <string>
              …
            """,
    ),
    Form(
        line="explain hpa --api-version=autoscaling/v1",
        prints="GROUP: autoscaling KIND: HorizontalPodAutoscaler VERSION: v1 DESCRIPTION: …",
    ),
    Form(
        line="explain configmap.data --output=plaintext-openapiv2",
        prints="KIND: ConfigMap VERSION: v1 FIELD: data <map[string]string> DESCRIPTION: …",
    ),
    Form(
        line="explain widget.spec",
        given=[given.WIDGETS],
        prints="GROUP: example.com KIND: Widget VERSION: v1 FIELD: spec <Object> DESCRIPTION: "
        "How it turns. FIELDS: size <integer> How big it is.",
        leaves=[_WIDGETS],
    ),
    Form(
        line="explain pod.nonsense",
        prints="…",
        complains='error: field "nonsense" does not exist',
        exits=1,
    ),
)


def _asked(path: str) -> Any:
    """Starts the proxy, and asks it for something of the namespace. Adds the name that it gets."""

    def run(scene: Scene, words: Sequence[str]) -> Outcome:
        names = []

        def ask(said: str) -> None:
            port = re.search(r"127\.0\.0\.1:(\d+)", said)
            assert port, said
            url = f"http://127.0.0.1:{port[1]}{path}".format(ns=scene.ns)
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                names.append(json.load(answer)["metadata"]["name"])

        done = scene.follow(words, until="Starting", begun="Starting to serve", do=ask)
        return Outcome(done.status, f"{done.stdout} {names[0]}", done.stderr)

    return run


def _on_a_socket(scene: Scene, words: Sequence[str]) -> Outcome:
    lines = []

    def ask(said: str) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.path.relpath(scene.folder / "proxy.sock"))
            client.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            with client.makefile() as answer:
                lines.extend(answer)

    done = scene.follow(words, until="Starting", begun="Starting to serve", do=ask)
    return Outcome(done.status, done.stdout + lines[-1], done.stderr)


_PROXY = (
    Form(
        line="proxy --port=0",
        run=_asked("/api/v1/namespaces/{ns}"),
        prints="Starting to serve on 127.0.0.1:… {ns}",
    ),
    Form(
        line="proxy --port=0 --api-prefix=/k8s",
        run=_asked("/k8s/api/v1/namespaces/{ns}"),
        prints="Starting to serve on 127.0.0.1:… {ns}",
    ),
    Form(
        line="proxy --unix-socket=proxy.sock",
        run=_on_a_socket,
        prints="Starting to serve on … ok",
    ),
)

_COMPLETE = (
    Form(
        line="__complete get pods ''",
        given=[given.pod("a"), given.pod("b")],
        prints="a\nb\n:4",
        complains="Completion ended with directive: ShellCompDirectiveNoFileComp",
    ),
    Form(
        line="__complete describe configmaps/o",
        given=[given.config_map("one")],
        prints="configmaps/one\n:…",
        complains=None,
    ),
    Form(line="__complete get deploy", prints="deployments.apps :4", complains=None),
    Form(
        line="__complete exec a -c ''",
        given=[given.pod("a")],
        prints="main\n:4",
        complains=None,
    ),
    Form(
        line="__complete get pods --namespace=kube-",
        prints="… kube-node-lease kube-public kube-system :4",
        complains=None,
    ),
)


def _own_config(scene: Scene) -> None:
    scene.write("config", scene.kubectl.cluster.kubeconfig.read_text())


_SETTINGS = (
    Form(
        line="config set-context --current --namespace=team --kubeconfig=config",
        given=[_own_config],
        prints='Context "…" modified.',
        then=lambda scene: "namespace: team" in (scene.folder / "config").read_text(),
    ),
    Form(
        line="get namespace {ns} --kubeconfig=config --request-timeout=10s -o name",
        given=[_own_config],
        prints="namespace/{ns}",
    ),
)

FORMS = (*_RESOURCES, *_VERSION, *_INFO, *_EXPLAIN, *_PROXY, *_COMPLETE, *_SETTINGS)
