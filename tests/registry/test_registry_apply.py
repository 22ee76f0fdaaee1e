"""Server-side apply on the way through the registry."""

import pytest

from miniplane.api import options as opts
from miniplane.api.objects import thaw
from miniplane.api.resources import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, PODS, SECRETS, SERVICES
from miniplane.testing import objects


@pytest.fixture
def apply(world):
    def send(resource, config, *, manager="me", name="", **options):
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        sent = {**kind, **config}
        before = thaw(sent)
        result = world.send_patch(
            resource,
            name or config["metadata"]["name"],
            sent,
            patch_type=opts.APPLY_PATCH,
            field_manager=manager,
            **options,
        )
        assert sent == before, "a configuration is left alone"
        return result

    return send


def config_map(name="a", data=None, **metadata):
    return {"metadata": {"name": name, **metadata}, "data": data or {}}


def deployment(image="i", **spec):
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    selector = {"matchLabels": {"a": "b"}}
    spec = {"selector": selector, "template": template, **spec}
    return {"metadata": {"name": "d"}, "spec": spec}


def entries(obj):
    return {
        (e["manager"], e["operation"], e.get("subresource", "")): e["fieldsV1"]
        for e in obj["metadata"].get("managedFields", ())
    }


def test_apply_creates_and_updates(world, apply):
    result = apply(CONFIGMAPS, config_map(data={"k": "1"}))
    assert result.created
    made = result.stored.obj
    assert made["metadata"]["uid"] and made["metadata"]["namespace"] == "default"
    assert entries(made) == {("me", "Apply", ""): {"f:data": {"f:k": {}}}}
    changed = apply(CONFIGMAPS, config_map(data={"k": "2"}))
    assert not changed.created
    assert changed.stored.obj["data"] == {"k": "2"}
    assert changed.stored.obj["metadata"]["uid"] == made["metadata"]["uid"]


def test_a_no_op_keeps_revision_and_times(world, apply):
    config = deployment(replicas=1)
    config["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "0.5"}}
    first = apply(DEPLOYMENTS, config).stored
    world.clock.advance(60)
    with world.untouched():
        assert apply(DEPLOYMENTS, config).stored is first
    limits = first.obj["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "500m"}


def test_defaults_belong_to_nobody(world, apply):
    ports = [{"port": 80}]
    obj = apply(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": ports}}).stored.obj
    assert obj["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    key = 'k:{"port":80,"protocol":"TCP"}'
    owned = {"f:spec": {"f:ports": {key: {".": {}, "f:port": {}}}}}
    assert entries(obj) == {("me", "Apply", ""): owned}
    ports = [{"port": 80}, {"port": 81, "name": "b", "protocol": "UDP"}]
    with world.refused(422, "Invalid", "spec.ports[0].name"):
        apply(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": ports}})
    ports[0]["name"] = "a"
    more = apply(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": ports}}).stored.obj
    assert [p["targetPort"] for p in more["spec"]["ports"]] == [80, 81]
    assert more["spec"]["clusterIP"] == obj["spec"]["clusterIP"]


def test_generations_count_changes_of_the_spec(world, apply):
    assert apply(DEPLOYMENTS, deployment()).stored.obj["metadata"]["generation"] == 1
    again = apply(DEPLOYMENTS, deployment("j")).stored.obj
    assert again["metadata"]["generation"] == 2
    other = deployment("k")
    with world.refused(409, "Conflict", 'conflict with "me"', 'containers[name="c"].image'):
        apply(DEPLOYMENTS, other, manager="other")
    taken = apply(DEPLOYMENTS, other, manager="other", force=True).stored.obj
    assert taken["spec"]["template"]["spec"]["containers"][0]["image"] == "k"


def test_dry_runs(world, apply):
    with world.untouched():
        result = apply(CONFIGMAPS, config_map(data={"k": "1"}), dry_run=True)
    assert result.created and "resourceVersion" not in result.stored.obj["metadata"]
    apply(CONFIGMAPS, config_map(data={"k": "1"}))
    with world.untouched():
        shown = apply(CONFIGMAPS, config_map(data={"k": "2"}), dry_run=True).stored.obj
    assert shown["data"] == {"k": "2"}
    assert world.get(CONFIGMAPS, "a")["data"] == {"k": "1"}


def test_what_is_no_configuration_of_the_kind(world, apply):
    with world.refused(400, "BadRequest", "invalid object type: apps/v1, Kind=Pod"):
        apply(CONFIGMAPS, {"apiVersion": "apps/v1", "kind": "Pod", "metadata": {}}, name="a")
    for nothing in (None, {}):
        with world.refused(400, "BadRequest", "invalid object type: /, Kind="):
            world.send_patch(CONFIGMAPS, "a", nothing, patch_type=opts.APPLY_PATCH)
    with world.refused(400, "BadRequest", "cannot unmarshal array into Go value of type map"):
        world.send_patch(CONFIGMAPS, "a", [], patch_type=opts.APPLY_PATCH)
    for listed in ([], [{}]):
        with world.refused(400, "BadRequest", "metadata.managedFields must be nil"):
            apply(CONFIGMAPS, config_map(managedFields=listed))
    apply(CONFIGMAPS, config_map(managedFields=None))


def test_names_and_namespaces_are_those_of_the_url(world, apply):
    with world.refused(400, "BadRequest", "the name of the object (b) does not match"):
        apply(CONFIGMAPS, config_map("b"), name="a")
    with world.refused(400, "BadRequest", "name must be provided"):
        apply(CONFIGMAPS, {"metadata": {}}, name="a")
    with world.refused(400, "BadRequest", "the namespace of the provided object"):
        apply(CONFIGMAPS, config_map(namespace="other"))
    with world.refused(404, "NotFound", 'namespaces "nope" not found'):
        apply(CONFIGMAPS, config_map(), namespace="nope")


def test_what_does_not_fit_the_schema_or_the_type(world, apply):
    with world.refused(500, "", "(/a; /v1, Kind=ConfigMap): .bogus: field not declared in schema"):
        apply(CONFIGMAPS, {**config_map(), "bogus": 1})
    config = deployment()
    config["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "x"}}
    start = "failed to convert new object (/d; apps/v1, Kind=Deployment) to proper version: "
    with world.refused(500, "", start, "quantities must match the regular expression"):
        apply(DEPLOYMENTS, config)
    with world.refused(422, "Invalid", "metadata.labels"):
        apply(CONFIGMAPS, config_map(labels={"a": "b c"}))


def test_revisions_and_uids_are_preconditions(world, apply):
    uid = "aaaaaaaa-0000-0000-0000-000000000001"
    with world.refused(409, "Conflict", f"uid mismatch: the provided object specified uid {uid}"):
        apply(CONFIGMAPS, config_map(uid=uid))
    made = apply(CONFIGMAPS, config_map(resourceVersion="1", data={"k": "1"})).stored.obj
    revision = made["metadata"]["resourceVersion"]
    apply(CONFIGMAPS, config_map(resourceVersion=revision, data={"k": "2"}))
    with world.refused(409, "Conflict", "the object has been modified"):
        apply(CONFIGMAPS, config_map(resourceVersion=revision, data={"k": "3"}))
    with world.refused(422, "Invalid", "metadata.uid", "field is immutable"):
        apply(CONFIGMAPS, config_map(uid=uid))


def test_plain_text_of_secrets_is_encoded_each_time(world, apply):
    config = {"metadata": {"name": "s"}, "stringData": {"user": "a"}}
    made = apply(SECRETS, config).stored.obj
    assert made["data"] == {"user": "YQ=="} and "stringData" not in made
    world.clock.advance(60)
    with world.untouched():
        apply(SECRETS, config)
    changed = apply(SECRETS, {**config, "stringData": {"user": "b"}}).stored.obj
    assert changed["data"] == {"user": "Yg=="}


def test_pods_keep_what_admission_gave_them(world, apply):
    spec = {"containers": [{"name": "c", "image": "i"}], "tolerations": [{"operator": "Exists"}]}
    spec["tolerations"] = [{"key": "a", "operator": "Exists"}]
    config = {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Running"}}
    made = apply(PODS, config).stored.obj
    assert len(made["spec"]["tolerations"]) == 3
    assert made["status"]["phase"] == "Pending"
    world.clock.advance(60)
    with world.untouched():
        apply(PODS, config)
    labelled = {**config, "metadata": {"name": "p", "labels": {"l": "1"}}}
    assert apply(PODS, labelled).stored.obj["spec"] == made["spec"]


def test_the_status_subresource(world, apply):
    config = {"metadata": {"name": "p"}, "status": {"message": "m", "phase": "Running"}}
    with world.refused(404, "NotFound", 'pods "p" not found'):
        apply(PODS, config, subresource="status")
    world.create(PODS, objects.pod("p"))
    obj = apply(PODS, config, subresource="status").stored.obj
    assert obj["status"]["message"] == "m"
    assert entries(obj)["me", "Apply", "status"] == {"f:status": {"f:message": {}, "f:phase": {}}}
    less = {"metadata": {"name": "p"}, "status": {"phase": "Running"}}
    assert "message" not in apply(PODS, less, subresource="status").stored.obj["status"]


SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}}


def test_the_scale_subresource(world, apply):
    def scale(replicas, **options):
        config = {**SCALE, "spec": {"replicas": replicas}}
        return apply(DEPLOYMENTS, config, subresource="scale", manager="scaler", **options)

    with world.refused(404, "NotFound", '"d" not found'):
        scale(2)
    apply(DEPLOYMENTS, deployment(replicas=1))
    with world.refused(409, "Conflict", 'conflict with "me": .spec.replicas'):
        scale(2)
    result = scale(2, force=True)
    assert (result.status["kind"], result.status["spec"]) == ("Scale", {"replicas": 2})
    assert "managedFields" not in result.status["metadata"]
    obj = world.get(DEPLOYMENTS, "d")
    owned = entries(obj)
    assert owned["scaler", "Apply", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owned["me", "Apply", ""]["f:spec"]
    with world.untouched():
        scale(2)
    with world.refused(400, "BadRequest", "invalid object type: apps/v1, Kind=Deployment"):
        kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
        apply(DEPLOYMENTS, {**SCALE, **kind}, subresource="scale")
    with world.refused(422, "Invalid", "must be greater than or equal to 0"):
        scale(-1)


def test_an_apply_after_scaling_gives_up_the_replicas(world, apply):
    apply(DEPLOYMENTS, deployment(replicas=1))
    world.patch(DEPLOYMENTS, "d", {"spec": {"replicas": 4}}, field_manager="u", subresource="scale")
    with world.refused(409, "Conflict", '"u" with subresource "scale" using apps/v1'):
        apply(DEPLOYMENTS, deployment(replicas=1))
    assert apply(DEPLOYMENTS, deployment("j")).stored.obj["spec"]["replicas"] == 4


def test_managed_fields_can_be_rewritten_by_a_patch(world, apply):
    """As kubectl does when it migrates an object from client-side apply."""
    world.create(CONFIGMAPS, objects.config_map("a", {"k": "1", "l": "1"}), field_manager="csa")
    listed = thaw(world.get(CONFIGMAPS, "a")["metadata"]["managedFields"])
    revision = world.get(CONFIGMAPS, "a")["metadata"]["resourceVersion"]
    moved = [{**listed[0], "manager": "kubectl", "operation": "Apply"}]
    world.patch(
        CONFIGMAPS,
        "a",
        [
            {"op": "replace", "path": "/metadata/managedFields", "value": moved},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": revision},
        ],
        patch_type=opts.JSON_PATCH,
    )
    assert list(entries(world.get(CONFIGMAPS, "a"))) == [("kubectl", "Apply", "")]
    obj = apply(CONFIGMAPS, config_map(data={"k": "2"}), manager="kubectl").stored.obj
    assert obj["data"] == {"k": "2"}


def test_reset_ownership_is_noted_at_the_next_apply(world, apply):
    world.create(CONFIGMAPS, objects.config_map("a", {"k": "1"}))
    world.patch(CONFIGMAPS, "a", {"metadata": {"managedFields": [{}]}})
    assert "managedFields" not in world.get(CONFIGMAPS, "a")["metadata"]
    with world.refused(409, "Conflict", 'conflict with "before-first-apply" using v1: .data.k'):
        apply(CONFIGMAPS, config_map(data={"k": "2"}))
    obj = apply(CONFIGMAPS, config_map(data={"l": "2"})).stored.obj
    assert set(entries(obj)) == {("before-first-apply", "Update", ""), ("me", "Apply", "")}


def test_cluster_scoped_objects(world, apply):
    obj = apply(NAMESPACES, {"metadata": {"name": "n", "labels": {"a": "b"}}}).stored.obj
    assert obj["metadata"]["labels"] == {"a": "b", "kubernetes.io/metadata.name": "n"}
    less = apply(NAMESPACES, {"metadata": {"name": "n"}}).stored.obj
    assert less["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}
    assert "managedFields" not in less["metadata"]


def test_times_alone_are_no_change_for_updates_either(world):
    made = thaw(world.create(CONFIGMAPS, objects.config_map("a", {"k": "1"})))
    entry = made["metadata"]["managedFields"][0]
    entry["time"] = "2020-01-01T00:00:00Z"
    with world.untouched():
        world.update(CONFIGMAPS, made)
