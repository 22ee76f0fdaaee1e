"""What kubectl changes, in every way that it knows."""

import json
import re

import pytest
import yaml

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

GENERATORS = [
    ("configmap", "settings", "--from-literal=color=blue"),
    ("secret", "generic", "password", "--from-literal=word=hunter2"),
    ("deployment", "web", "--image=nginx", "--replicas=2", "--port=80"),
    ("job", "once", "--image=busybox", "--", "true"),
    ("cronjob", "often", "--image=busybox", "--schedule=*/5 * * * *"),
    ("service", "clusterip", "front", "--tcp=80:8080"),
    ("service", "nodeport", "outside", "--tcp=80"),
    ("serviceaccount", "robot"),
    ("role", "reader", "--verb=get,list", "--resource=pods"),
    ("rolebinding", "robots-read", "--role=reader", "--serviceaccount=default:robot"),
    ("ingress", "door", "--rule=example.com/*=front:80"),
    ("poddisruptionbudget", "two", "--selector=app=web", "--min-available=1"),
    ("quota", "enough", "--hard=configmaps=10"),
]


def version(kubectl, *args):
    """The resource version and the generation of an object."""
    metadata = kubectl.json("get", *args)["metadata"]
    return metadata["resourceVersion"], metadata.get("generation")


def managers(kubectl, *args):
    metadata = kubectl.json("get", *args, "--show-managed-fields")["metadata"]
    entries = metadata.get("managedFields", [])
    return [entry["manager"] for entry in entries if "subresource" not in entry]


def test_create_makes_objects_of_every_kind(kubectl):
    names = [kubectl("create", kind, "--output=name", *args).strip() for kind, *args in GENERATORS]
    assert all(re.fullmatch(r"[a-z.0-9]+/[a-z-]+", name) for name in names)
    made = kubectl.json("get", *names, "--show-managed-fields")["items"]
    assert {each["metadata"]["namespace"] for each in made} == {kubectl.namespace}
    for each in made:
        managed = [entry["manager"] for entry in each["metadata"].get("managedFields", [])]
        # An account that consists of its name has no fields to own.
        assert "kubectl-create" in managed or each["kind"] == "ServiceAccount"
    assert kubectl.value(".data.color", "configmap/settings") == "blue"
    assert kubectl.value(".data.word", "secret/password") == "aHVudGVyMg=="
    web = kubectl.json("get", "deployment", "web")["spec"]
    assert (web["replicas"], web["template"]["spec"]["containers"][0]["ports"]) == (
        2,
        [{"containerPort": 80, "protocol": "TCP"}],
    )
    assert kubectl.value(".spec.jobTemplate.spec.template.spec.restartPolicy", "cj/often") == (
        "OnFailure"
    )
    kubectl("rollout", "status", "deployment/web")


def test_create_of_objects_without_a_namespace(kubectl):
    suffix = kubectl.namespace
    for args in (
        ("priorityclass", f"high-{suffix}", "--value=1000"),
        ("clusterrole", f"reader-{suffix}", "--verb=get", "--resource=nodes"),
        ("clusterrolebinding", f"reads-{suffix}", f"--clusterrole=reader-{suffix}", "--user=me"),
    ):
        assert kubectl("create", *args).endswith(f"/{args[1]} created\n")
        assert kubectl("delete", *args[:2]).endswith(" deleted\n")


def test_a_dry_run_changes_nothing(kubectl):
    said = kubectl("create", "configmap", "settings", "--dry-run=server")
    assert said == "configmap/settings created (server dry run)\n"
    assert "uid" in kubectl.json("create", "configmap", "settings", "--dry-run=server")["metadata"]
    assert "NotFound" in kubectl.refused("get", "configmap", "settings")
    kubectl("create", "configmap", "settings")
    said = kubectl("delete", "configmap", "settings", "--dry-run=server")
    assert said.endswith(" (server dry run)\n")
    assert kubectl.value(".metadata.name", "configmap", "settings") == "settings"


def test_apply_twice_changes_nothing(kubectl):
    assert kubectl("apply", "-f", "fluentd.yaml") == "daemonset.apps/fluentd created\n"
    kubectl("rollout", "status", "daemonset/fluentd")
    before = version(kubectl, "daemonset/fluentd")
    assert kubectl("apply", "-f", "fluentd.yaml") == "daemonset.apps/fluentd unchanged\n"
    assert version(kubectl, "daemonset/fluentd") == before
    # Templates of claims are replaced as a whole, so that kubectl sends them every time.
    assert kubectl("apply", "-f", "mysql.yaml") == "statefulset.apps/mysql created\n"
    kubectl("rollout", "status", "statefulset/mysql")
    before = version(kubectl, "statefulset/mysql")
    assert kubectl("apply", "-f", "mysql.yaml") == "statefulset.apps/mysql configured\n"
    assert version(kubectl, "statefulset/mysql") == before


def test_apply_of_less_takes_away_what_it_had_applied(kubectl):
    web = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "labels": {"a": "1", "b": "2"}},
        "data": {"x": "1", "y": "2"},
    }
    assert kubectl("apply", "-f", "-", stdin=json.dumps(web)) == "configmap/c created\n"
    kubectl("patch", "configmap", "c", "--type=merge", '--patch={"data":{"z":"3"}}')
    del web["data"]["y"], web["metadata"]["labels"]["b"]
    assert kubectl("apply", "-f", "-", stdin=json.dumps(web)) == "configmap/c configured\n"
    now = kubectl.json("get", "configmap", "c")
    assert (now["data"], now["metadata"]["labels"]) == ({"x": "1", "z": "3"}, {"a": "1"})
    assert sorted(managers(kubectl, "configmap/c")) == [
        *("kubectl-client-side-apply", "kubectl-patch")
    ]


def test_diff_shows_what_apply_would_do(kubectl):
    kubectl("apply", "-f", "mysql.yaml")
    kubectl("rollout", "status", "statefulset/mysql")
    same = kubectl.run("diff", "-f", "mysql.yaml")
    assert (same.returncode, same.stdout) == (0, "")
    manifest = kubectl("create", "-f", "mysql.yaml", "--dry-run=client", "-o", "yaml")
    changed = kubectl.run("diff", "-f", "-", stdin=manifest.replace("mysql:5.7", "mysql:8.0"))
    assert changed.returncode == 1
    assert "\n-      - image: mysql:5.7\n+      - image: mysql:8.0\n" in changed.stdout
    assert "\n-  generation: 1\n+  generation: 2\n" in changed.stdout


def test_edit_with_an_editor(kubectl, tmp_path):
    kubectl("create", "deployment", "web", "--image=nginx:1.26")
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i s/nginx:1.26/nginx:1.27/ $1\n")
    editor.chmod(0o755)
    said = kubectl("edit", "deployment", "web", env={"EDITOR": str(editor)})
    assert said == "deployment.apps/web edited\n"
    assert kubectl.value(".spec.template.spec.containers[0].image", "deploy/web") == "nginx:1.27"
    assert "kubectl-edit" in managers(kubectl, "deployment/web")
    done = kubectl.run("edit", "deployment", "web", env={"EDITOR": "true"})
    assert done.stdout + done.stderr == "Edit cancelled, no changes made.\n"


def test_label_and_annotate(kubectl):
    kubectl("create", "configmap", "c")
    assert kubectl("label", "configmap", "c", "tier=db") == "configmap/c labeled\n"
    assert kubectl("label", "configmap", "c", "tier=db") == "configmap/c not labeled\n"
    refused = kubectl.refused("label", "configmap", "c", "tier=web")
    assert refused == "error: 'tier' already has a value (db), and --overwrite is false"
    kubectl("label", "configmap", "c", "tier=web", "--overwrite")
    assert kubectl.names("configmaps", "--selector=tier=web") == ["c"]
    assert kubectl("label", "configmap", "c", "tier-") == "configmap/c unlabeled\n"
    assert kubectl.names("configmaps", "--selector=tier") == []
    assert kubectl("annotate", "configmap", "c", "note=a b") == "configmap/c annotated\n"
    assert kubectl("annotate", "configmap", "c", "--list").strip() == "note=a b"
    assert kubectl("annotate", "configmap", "c", "note-") == "configmap/c annotated\n"
    wrong = kubectl.refused("label", "configmap", "c", "tier=-")
    assert "a valid label must be an empty string or consist of alphanumeric characters" in wrong


def test_patches_of_three_types(kubectl):
    kubectl("create", "deployment", "web", "--image=nginx")
    containers = ".spec.template.spec.containers[*]"
    # Strategic: the list of containers is merged by name.
    extra = '{"spec":{"template":{"spec":{"containers":[{"name":"log","image":"busybox"}]}}}}'
    assert kubectl("patch", "deployment", "web", f"--patch={extra}").endswith("web patched\n")
    assert sorted(kubectl.value(f"{containers}.name", "deployment/web").split()) == [
        *("log", "nginx")
    ]
    remove = '{"spec":{"template":{"spec":{"containers":[{"name":"log","$patch":"delete"}]}}}}'
    kubectl("patch", "deployment", "web", f"--patch={remove}")
    assert kubectl.value(f"{containers}.name", "deployment/web") == "nginx"
    # Merge: it is replaced.
    whole = '{"spec":{"template":{"spec":{"containers":[{"name":"one","image":"a"}]}}}}'
    kubectl("patch", "deployment", "web", "--type=merge", f"--patch={whole}")
    assert kubectl.value(f"{containers}.name", "deployment/web") == "one"
    path = "/spec/template/spec/containers/0/image"
    steps = [
        {"op": "test", "path": path, "value": "a"},
        {"op": "replace", "path": path, "value": "b"},
    ]
    kubectl("patch", "deployment", "web", "--type=json", f"--patch={json.dumps(steps)}")
    assert kubectl.value(f"{containers}.image", "deployment/web") == "b"
    again = kubectl.refused(
        "patch", "deployment", "web", "--type=json", f"--patch={json.dumps(steps)}"
    )
    assert "The request is invalid" in again
    nothing = kubectl("patch", "deployment", "web", '--patch={"spec":{"replicas":1}}')
    assert nothing == "deployment.apps/web patched (no change)\n"
    assert managers(kubectl, "deployment/web")[:2] == ["kubectl-create", "kubectl-patch"]
    status = '--patch={"status":{"observedGeneration":99}}'
    kubectl("patch", "deployment", "web", "--type=merge", "--subresource=status", status)


def test_replace_is_refused_when_the_object_has_moved_on(kubectl):
    kubectl("create", "configmap", "c", "--from-literal=a=1")
    old = kubectl("get", "configmap", "c", "-o", "yaml")
    assert kubectl("replace", "-f", "-", stdin=old) == "configmap/c replaced\n"
    kubectl("label", "configmap", "c", "x=y")
    refused = kubectl.refused("replace", "-f", "-", stdin=old)
    assert refused.startswith("Error from server (Conflict): error when replacing")
    assert refused.endswith(
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    fresh = yaml.safe_load(old)
    del fresh["metadata"]["resourceVersion"], fresh["metadata"]["uid"]
    kubectl("replace", "-f", "-", stdin=yaml.safe_dump(fresh))
    assert kubectl.value(".metadata.labels", "configmap", "c") == ""
    before = kubectl.value(".metadata.uid", "configmap", "c")
    kubectl("replace", "--force", "-f", "-", stdin=yaml.safe_dump(fresh))
    assert kubectl.value(".metadata.uid", "configmap", "c") not in ("", before)


def test_a_deployment_from_the_cradle_to_the_grave(kubectl, eventually):
    kubectl("create", "deployment", "web", "--image=nginx:1.26", "--replicas=2")
    said = kubectl("rollout", "status", "deployment/web")
    assert said.endswith('deployment "web" successfully rolled out\n')
    assert kubectl("expose", "deployment", "web", "--port=80") == "service/web exposed\n"
    assert kubectl.value(".spec.selector", "service/web") == '{"app":"web"}'
    assert kubectl("scale", "deployment/web", "--replicas=3") == "deployment.apps/web scaled\n"
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web")
    wrong = kubectl.refused("scale", "deployment/web", "--replicas=1", "--current-replicas=9")
    assert wrong == "error: Expected replicas to be 9, was 3"
    kubectl("set", "image", "deployment/web", "nginx=nginx:1.27")
    kubectl("set", "env", "deployment/web", "MODE=fast")
    kubectl("set", "resources", "deployment/web", "--limits=cpu=100m,memory=64Mi")
    kubectl("rollout", "status", "deployment/web")
    container = kubectl.json("get", "deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert container[0]["env"] == [{"name": "MODE", "value": "fast"}]
    assert container[0]["resources"] == {"limits": {"cpu": "100m", "memory": "64Mi"}}
    kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
    kubectl("rollout", "status", "deployment/web")
    images = ".items[*].spec.containers[0].image"
    eventually(lambda: kubectl.value(images, "pods") == " ".join(["nginx:1.26"] * 3))
    kubectl("rollout", "pause", "deployment/web")
    assert kubectl.refused("rollout", "pause", "deployment/web") == (
        'error: deployments.apps "web" is already paused'
    )
    kubectl("rollout", "resume", "deployment/web")
    kubectl("autoscale", "deployment", "web", "--min=1", "--max=5")
    assert kubectl.value(".spec.scaleTargetRef.name", "hpa/web") == "web"


def test_run_makes_a_pod(kubectl):
    assert kubectl("run", "one", "--image=busybox", "--port=80", "--expose") == (
        "service/one created\npod/one created\n"
    )
    assert kubectl("wait", "--for=condition=Ready", "pod/one") == "pod/one condition met\n"
    assert kubectl.value(".metadata.labels", "pod/one") == '{"run":"one"}'
    at = '--overrides={"spec":{"nodeName":"node-2"}}'
    kubectl("run", "two", "--image=busybox", at)
    kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/two")
    assert kubectl.value(".status.hostIP", "pod/two") == kubectl.value(
        ".status.addresses[0].address", "node/node-2"
    )


def test_wait_gives_up(kubectl):
    kubectl("create", "configmap", "c")
    late = kubectl.refused("wait", "--for=delete", "configmap/c", "--timeout=100ms")
    assert late.endswith("error: timed out waiting for the condition on configmaps/c")
    missing = kubectl.refused("wait", "--for=condition=Ready", "pod/none")
    assert missing == 'Error from server (NotFound): pods "none" not found'
