"""What containers and pods wait for, what is told of it, and how they go on once it is there."""

from miniplane import testing
from miniplane.api.resources import CONFIGMAPS, EVENTS, PODS, SECRETS
from miniplane.testing import objects

FROM_MAP = [{"configMapRef": {"name": "settings"}}]


def config_map(name="settings", **data):
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


async def status(c, name="web"):
    return (await c.client.get(PODS, name, "default"))["status"]


def waiting(container_status):
    detail = container_status["state"].get("waiting") or {}
    return detail.get("reason"), detail.get("message")


async def told(c, *reasons):
    return [
        (e["reason"], e["message"], e["count"])
        for e in await c.list(EVENTS)
        if e["source"].get("component") == "kubelet" and e["reason"] in reasons
    ]


async def test_an_init_container_waits_for_its_variables():
    async with testing.cluster(nodes=1) as c:
        init = {"name": "init", "image": objects.IMAGE, "envFrom": FROM_MAP}
        await c.client.create(PODS, objects.pod("web", initContainers=[init]))
        await c.settle()
        found = await status(c)
        error = 'configmap "settings" not found'
        [first] = found["initContainerStatuses"]
        assert waiting(first) == ("CreateContainerConfigError", error)
        assert waiting(found["containerStatuses"][0]) == ("PodInitializing", None)
        assert found["phase"] == "Pending"
        assert await told(c, "Failed") == [("Failed", f"Error: {error}", 1)]
        await c.advance(60)
        assert await told(c, "Failed") == [("Failed", f"Error: {error}", 6)]
        await c.client.create(CONFIGMAPS, config_map())
        await c.settle()
        assert (await status(c))["phase"] == "Running"
        await c.advance(60)
        assert await told(c, "Failed") == [("Failed", f"Error: {error}", 6)]


async def test_what_else_is_missing_is_told_once_the_first_is_there():
    async with testing.cluster(nodes=1) as c:
        made = objects.pod("web")
        ref = {"valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}}
        made["spec"]["containers"][0]["env"] = [{"name": "LEVEL", **ref}]
        await c.client.create(PODS, made)
        await c.settle()
        await c.client.create(CONFIGMAPS, config_map())
        await c.settle()
        [found] = (await status(c))["containerStatuses"]
        assert waiting(found)[1] == "couldn't find key level in ConfigMap default/settings"
        await c.client.update(CONFIGMAPS, config_map(level="debug"))
        await c.settle()
        assert (await status(c))["phase"] == "Running"


async def test_a_volume_is_tried_again_after_longer_and_longer_times():
    async with testing.cluster(nodes=1) as c:
        volumes = [{"name": "v", "secret": {"secretName": "keys"}}]
        await c.client.create(PODS, objects.pod("web", volumes=volumes))
        await c.settle()
        text = 'MountVolume.SetUp failed for volume "v" : secret "keys" not found'
        counts = []
        for seconds in (0, 0.5, 1, 2, 4, 8, 16):
            await c.advance(seconds)
            counts += [count for _, _, count in await told(c, "FailedMount")]
        assert counts == [1, 2, 3, 4, 5, 6, 7]
        [found] = (await status(c))["containerStatuses"]
        assert waiting(found) == ("ContainerCreating", None)
        assert await told(c, "FailedMount") == [("FailedMount", text, 7)]
        meta = {"name": "keys", "namespace": "default"}
        await c.client.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": meta})
        await c.settle()
        assert (await status(c))["phase"] == "Running"


async def test_a_container_that_crashed_needs_its_variables_again():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(CONFIGMAPS, config_map())
        made = objects.pod("web")
        made["spec"]["containers"][0]["envFrom"] = FROM_MAP
        await c.client.create(PODS, made)
        await c.settle()
        await c.client.delete(CONFIGMAPS, "settings", "default")
        await c.fail("web", "exit=3")
        await c.advance(1)
        found = await status(c)
        [one] = found["containerStatuses"]
        assert waiting(one)[0] == "CreateContainerConfigError"
        assert one["lastState"]["terminated"]["exitCode"] == 3
        assert (found["phase"], one["restartCount"]) == ("Running", 0)
        await c.client.create(CONFIGMAPS, config_map())
        await c.heal("web")
        await c.settle()
        [one] = (await status(c))["containerStatuses"]
        assert (one["ready"], one["restartCount"]) == (True, 1)


async def test_pull_secrets_that_are_not_there_are_told_of():
    async with testing.cluster(nodes=1) as c:
        refs = [{"name": "one"}, {"name": "two"}]
        await c.client.create(PODS, objects.pod("web", imagePullSecrets=refs))
        await c.settle()
        assert (await status(c))["phase"] == "Running"
        text = (
            "Unable to retrieve some image pull secrets (one, two); "
            "attempting to pull the image may not succeed."
        )
        reason = "FailedToRetrieveImagePullSecret"
        assert await told(c, reason) == [(reason, text, 1)]


async def test_resource_claims_are_ignored_not_silently():
    async with testing.cluster(nodes=1) as c:
        claims = [{"name": "gpu", "resourceClaimName": "gpus"}]
        await c.client.create(PODS, objects.pod("web", resourceClaims=claims))
        await c.settle()
        assert (await status(c))["phase"] == "Running"
        [(_, message, count)] = await told(c, "ResourceClaimsIgnored")
        assert "without its resource claims" in message
        assert count == 1


async def test_an_image_whose_name_is_none():
    async with testing.cluster(nodes=1) as c:
        made = objects.pod("web")
        made["spec"]["containers"][0]["image"] = "Nginx"
        await c.client.create(PODS, made)
        await c.settle()
        [found] = (await status(c))["containerStatuses"]
        reason, message = waiting(found)
        assert reason == "InvalidImageName"
        assert message == (
            'Failed to apply default image tag "Nginx": couldn\'t parse image name "Nginx": '
            "invalid reference format: repository name (library/Nginx) must be lowercase"
        )
        assert await told(c, "InspectFailed", "Failed", "Pulled") == [
            ("InspectFailed", message, 1),
            ("Failed", "Error: InvalidImageName", 1),
        ]
        patch = {"spec": {"containers": [{"name": "main", "image": "nginx"}]}}
        await c.client.patch(PODS, "web", patch, "default")
        await c.settle()
        assert (await status(c))["phase"] == "Running"
