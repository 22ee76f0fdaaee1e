"""PodSecurity: the standards that a namespace's labels ask for.

Follows `k8s.io/pod-security-admission`. Pods that break what is enforced are refused; for what is
only warned of, and for workloads whose pods would be refused, there are warnings. Auditing needs
an audit log, which there is none of; its labels are checked all the same.
"""

from miniplane.api import errors, resources
from miniplane.api.objects import Obj, labels_of
from miniplane.api.podsecurity.checks import in_words, violations
from miniplane.api.podsecurity.levels import LEVELS, PREFIX, Level, Policy, policy_of
from miniplane.api.podsecurity.parts import Pod
from miniplane.registry.admission.attributes import Attributes

MOST_PODS = 3000
"""How many pods are looked at when a namespace becomes stricter."""
_JOBS = (resources.JOBS, resources.CRON_JOBS)
_WORKLOADS = (
    resources.REPLICATION_CONTROLLERS,
    resources.REPLICA_SETS,
    resources.DEPLOYMENTS,
    resources.STATEFUL_SETS,
    resources.DAEMON_SETS,
    resources.resource("podtemplates"),
    *_JOBS,
)
_LOOKED_AT = frozenset((resources.PODS, *_WORKLOADS))


def pod_security(attributes: Attributes) -> None:
    resource = attributes.resource
    if resource is resources.NAMESPACES:
        _namespace(attributes)
    elif resource in _LOOKED_AT and attributes.operation != "DELETE":
        _workload(attributes)


def _workload(attributes: Attributes) -> None:
    namespace = attributes.context.find(resources.NAMESPACES, "", attributes.namespace)
    labels = labels_of(namespace) if namespace is not None else {}
    if not any(key.startswith(PREFIX) for key in labels):
        return
    policy, _ = policy_of(labels)
    if policy.is_open:
        return
    if attributes.resource is not resources.PODS:
        template = _template(attributes)
        if template is not None:
            _warn(attributes, policy, template)
    elif _matters(attributes):
        obj = attributes.obj
        pod = Pod(obj["metadata"], obj["spec"])
        found = violations(policy.enforce, pod)
        if found:
            why = f'violates PodSecurity "{policy.enforce}": {in_words(found)}'
            raise errors.forbidden(attributes.resource, attributes.name, why)
        if policy.warn != policy.enforce:
            _warn(attributes, policy, pod)


def _warn(attributes: Attributes, policy: Policy, pod: Pod) -> None:
    found = violations(policy.warn, pod)
    if found:
        text = f'would violate PodSecurity "{policy.warn}": {in_words(found)}'
        attributes.warnings.append(text)


def _template(attributes: Attributes) -> Pod | None:
    """The pods that a workload would make, None where it says nothing of them."""
    if attributes.subresource:
        return None
    obj = attributes.obj
    if attributes.resource is resources.CRON_JOBS:
        obj = obj["spec"].get("jobTemplate") or {}
    holder = obj if attributes.resource.kind == "PodTemplate" else obj.get("spec") or {}
    template = holder.get("template")
    if not template or not template.get("spec"):
        return None
    return Pod(template.get("metadata") or {}, template["spec"])


def _matters(attributes: Attributes) -> bool:
    """Whether a write to a pod may change what the checks look at."""
    if attributes.subresource not in ("", "ephemeralcontainers", "resize"):
        return False
    if attributes.old is None:
        return True
    new, old = attributes.obj["spec"], attributes.old["spec"]
    for key in ("containers", "initContainers"):
        if _images(new.get(key)) != _images(old.get(key)):
            return True
    before = {c["name"]: c.get("image") for c in old.get("ephemeralContainers") or ()}
    return any(
        c["name"] not in before or before[c["name"]] != c.get("image")
        for c in new.get("ephemeralContainers") or ()
    )


def _images(containers: list[Obj] | None) -> list[str | None]:
    return [c.get("image") for c in containers or ()]


def _namespace(attributes: Attributes) -> None:
    """Labels must be good; a stricter level tells of the pods that are there already."""
    if attributes.subresource or attributes.operation == "DELETE":
        return
    policy, problems = policy_of(labels_of(attributes.obj))
    old_policy, old_problems = policy_of(labels_of(attributes.old) if attributes.old else {})
    if problems and (attributes.old is None or problems != old_problems):
        raise errors.invalid("", "Namespace", attributes.name, problems)
    if attributes.old is None:
        return
    new, before = policy.enforce, old_policy.enforce
    relaxed = new.minor == before.minor and new.strictness <= before.strictness
    if new != before and new.name != LEVELS[0] and not relaxed:
        attributes.warnings.extend(_existing(attributes, new))


def _existing(attributes: Attributes, level: Level) -> list[str]:
    """Warnings of pods that the new level would refuse, alike ones together."""
    namespace = attributes.name
    pods = attributes.context.all(resources.PODS, namespace)
    alike: dict[str, list[str]] = {}
    for pod in pods[:MOST_PODS]:
        found = violations(level, Pod(pod["metadata"], pod["spec"]))
        if found:
            reasons = ", ".join(v.reason for v in found)
            alike.setdefault(reasons, []).append(pod["metadata"]["name"])
    warnings = []
    if len(pods) > MOST_PODS:
        warnings.append(
            f"new PodSecurity enforce level only checked against the first {MOST_PODS} of "
            f"{len(pods)} existing pods"
        )
    if alike:
        warnings.append(
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level '
            f'"{level}"'
        )
    lines = []
    for reasons, names in alike.items():
        others = len(names) - 1
        more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
        lines.append(f"{min(names)}{more}: {reasons}")
    return warnings + sorted(lines)
