"""What every pod gets: a service account with its token, a priority, two tolerations; and how its
images are pulled."""

from typing import Any

from miniplane.api import errors, field, resources
from miniplane.api.objects import Obj
from miniplane.registry.admission.attributes import Attributes

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
MIRROR = "kubernetes.io/config.mirror"

_TOKEN_SOURCES = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {
        "configMap": {
            "name": "kube-root-ca.crt",
            "items": [{"key": "ca.crt", "path": "ca.crt"}],
        }
    },
    {
        "downwardAPI": {
            "items": [
                {
                    "path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                }
            ]
        }
    },
]


def _new_pod(attributes: Attributes) -> dict[str, Any] | None:
    """The spec of a pod that is being created, else None."""
    if attributes.operation != "CREATE" or attributes.resource is not resources.PODS:
        return None
    return attributes.obj.setdefault("spec", {})


def service_account(attributes: Attributes) -> None:
    """Name a service account and mount its token (plugin/pkg/admission/serviceaccount).

    The account `default` may still be on its way: the real plugin waits for it, here it is taken
    for granted.
    """
    spec = _new_pod(attributes)
    if spec is None or MIRROR in (attributes.obj["metadata"].get("annotations") or {}):
        return
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = attributes.context.find(resources.SERVICE_ACCOUNTS, attributes.namespace, name)
    if account is None and name != "default":
        why = (
            f"error looking up service account {attributes.namespace}/{name}: "
            f'serviceaccount "{name}" not found'
        )
        raise errors.forbidden(resources.PODS, attributes.called, why)
    account = account or {}
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = list(account["imagePullSecrets"])
    mount = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken"))
    if mount is not False:
        _mount_token(attributes, spec)


def _mount_token(attributes: Attributes, spec: dict[str, Any]) -> None:
    volumes = spec.get("volumes") or []
    volume_name = next(
        (v["name"] for v in volumes if v.get("name", "").startswith("kube-api-access-")), ""
    )
    found = bool(volume_name)
    if not found:
        volume_name = f"kube-api-access-{attributes.context.ids.suffix(5)}"
    used = False
    for key in ("initContainers", "containers"):
        for container in spec.get(key) or ():
            mounts = container.get("volumeMounts") or []
            if any(m.get("mountPath") == TOKEN_PATH for m in mounts):
                continue
            token = {"name": volume_name, "readOnly": True, "mountPath": TOKEN_PATH}
            container["volumeMounts"] = [*mounts, token]
            used = True
    if used and not found:
        projected = {"sources": _TOKEN_SOURCES, "defaultMode": 420}
        spec["volumes"] = [*volumes, {"name": volume_name, "projected": projected}]


def always_pull_images(attributes: Attributes) -> None:
    """AlwaysPullImages: whoever runs an image has to be allowed to pull it."""
    if not _pulls(attributes):
        return
    spec = attributes.obj["spec"]
    for key in _CONTAINERS:
        if spec.get(key):
            spec[key] = [{**c, "imagePullPolicy": "Always"} for c in spec[key]]
    if any("image" in volume for volume in spec.get("volumes") or ()):
        spec["volumes"] = [
            {**v, "image": {**v["image"], "pullPolicy": "Always"}} if "image" in v else v
            for v in spec["volumes"]
        ]


_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def check_pull_policies(attributes: Attributes) -> None:
    """No other plugin may have changed what AlwaysPullImages set."""
    if not _pulls(attributes):
        return
    for key in _CONTAINERS:
        for index, container in enumerate(attributes.obj["spec"].get(key) or ()):
            given = container.get("imagePullPolicy", "")
            if given != "Always":
                path = field.Path("spec").child(key).index(index).child("imagePullPolicy")
                why = str(field.not_supported(path, given, ["Always"]))
                raise errors.forbidden(resources.PODS, attributes.name, why)


def _pulls(attributes: Attributes) -> bool:
    """Whether a pod is written that may run an image it has not run yet."""
    if attributes.resource is not resources.PODS or attributes.subresource:
        return False
    if attributes.operation == "UPDATE" and attributes.old is not None:
        return not _images(attributes.obj) <= _images(attributes.old)
    return attributes.operation == "CREATE"


def _images(pod: Obj) -> set[str]:
    return {c.get("image", "") for key in _CONTAINERS for c in pod["spec"].get(key) or ()}


def priority(attributes: Attributes) -> None:
    """Resolve the priority class (plugin/pkg/admission/priority)."""
    spec = _new_pod(attributes)
    if spec is None:
        return
    name = spec.get("priorityClassName")
    value, preemption = 0, "PreemptLowerPriority"
    if name:
        found = attributes.context.find(resources.PRIORITY_CLASSES, "", name)
        if found is None:
            why = f"no PriorityClass with name {name} was found"
            raise errors.forbidden(resources.PODS, attributes.called, why)
    else:
        defaults = [
            c for c in attributes.context.all(resources.PRIORITY_CLASSES) if c.get("globalDefault")
        ]
        found = min(defaults, key=lambda c: c.get("value", 0), default=None)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    if found is not None:
        value = found.get("value", 0)
        preemption = found.get("preemptionPolicy") or preemption
    given = spec.get("priority")
    if given is not None and given != value:
        why = (
            f"the integer value of priority ({given}) must not be provided in pod spec; priority "
            f"admission controller computed {value} from the given PriorityClass name"
        )
        raise errors.forbidden(resources.PODS, attributes.called, why)
    spec["priority"] = value
    given_policy = spec.get("preemptionPolicy")
    if given_policy and given_policy != preemption:
        why = (
            f"the string value of PreemptionPolicy ({given_policy}) must not be provided in pod "
            f"spec; priority admission controller computed {preemption} from the given "
            "PriorityClass name"
        )
        raise errors.forbidden(resources.PODS, attributes.called, why)
    spec["preemptionPolicy"] = preemption


def default_toleration_seconds(attributes: Attributes) -> None:
    """Pods stay five minutes on a node that is not ready or cannot be reached.

    Also where an update takes these tolerations away: an apply replaces the list as a whole.
    """
    if attributes.resource is not resources.PODS or attributes.subresource:
        return
    spec = attributes.obj["spec"]
    tolerations = spec.get("tolerations") or []
    added = []
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(
            t.get("key", key) in (key, "") and t.get("effect", "NoExecute") in ("NoExecute", "")
            for t in tolerations
        ):
            added.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
            )
    if added:
        spec["tolerations"] = [*tolerations, *added]
