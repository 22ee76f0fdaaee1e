"""Field selectors: which fields of which kind can be selected on, and how they read.

Follows apimachinery's `pkg/fields` for the grammar, and for the fields each kind's registered
label conversion (`pkg/apis/*/v1/conversion.go`) and `ToSelectableFields`
(`pkg/registry/*/strategy.go`); see
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/.

A field that an object does not have reads as the empty string (flags as `false`, counts as `0`).
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from miniplane.api.errors import bad_request
from miniplane.api.resources import Resource

Getter: TypeAlias = Callable[[Mapping[str, Any]], str]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _at(*path: str, default: str = "") -> Getter:
    """The scalar at a path below the object, or `default` where the way is missing."""

    def get(obj: Mapping[str, Any]) -> str:
        value: Any = obj
        for part in path:
            if not isinstance(value, Mapping):
                return default
            value = value.get(part)
        return default if value is None else _text(value)

    return get


def _first(*getters: Getter) -> Getter:
    def get(obj: Mapping[str, Any]) -> str:
        for getter in getters:
            if found := getter(obj):
                return found
        return ""

    return get


def _name(obj: Mapping[str, Any]) -> str:
    return (obj.get("metadata") or {}).get("name", "")


def _namespace(obj: Mapping[str, Any]) -> str:
    return (obj.get("metadata") or {}).get("namespace", "")


def _pod_ip(obj: Mapping[str, Any]) -> str:
    status = obj.get("status") or {}
    ips = status.get("podIPs") or ()
    return (ips[0].get("ip") if ips else status.get("podIP")) or ""


_NAME: dict[str, Getter] = {"metadata.name": _name}
_META: dict[str, Getter] = {"metadata.name": _name, "metadata.namespace": _namespace}


def _same(*names: str, default: str = "") -> dict[str, Getter]:
    return {name: _at(*name.split("."), default=default) for name in names}


_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

# An event is stored in one version and asked for in two: every getter reads both shapes.
_REPORTER = _first(_at("reportingComponent"), _at("reportingController"))
_SOURCE = _first(_at("source", "component"), _at("deprecatedSource", "component"), _REPORTER)
_EVENT: dict[str, Getter] = {
    **_META,
    "reason": _at("reason"),
    "type": _at("type"),
}


def _reference(prefix: str) -> dict[str, Getter]:
    return {
        f"{prefix}.{part}": _first(_at("involvedObject", part), _at("regarding", part))
        for part in _REFERENCE
    }


_PLAIN_ERROR = "field label not supported: {label}"

_POD: dict[str, Getter] = {
    **_META,
    **_same(
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.nominatedNodeName",
    ),
    **_same("spec.hostNetwork", default="false"),
    "spec.host": _at("spec", "nodeName"),
    "status.podIP": _pod_ip,
    # Accepted by the real server, which then finds no such field in any pod.
    "status.podIPs": lambda obj: "",
}

_KINDS: dict[tuple[str, str], tuple[dict[str, Getter], str]] = {
    ("", "pods"): (_POD, _PLAIN_ERROR),
    ("", "nodes"): ({**_NAME, **_same("spec.unschedulable", default="false")}, _PLAIN_ERROR),
    ("", "namespaces"): ({**_NAME, **_same("status.phase")}, _PLAIN_ERROR),
    ("", "secrets"): ({**_META, **_same("type")}, _PLAIN_ERROR),
    ("", "services"): ({**_META, **_same("spec.clusterIP", "spec.type")}, _PLAIN_ERROR),
    ("", "replicationcontrollers"): (
        {**_META, **_same("status.replicas", default="0")},
        _PLAIN_ERROR,
    ),
    ("", "events"): (
        {
            **_EVENT,
            **_reference("involvedObject"),
            "reportingComponent": _REPORTER,
            "source": _SOURCE,
        },
        _PLAIN_ERROR,
    ),
    ("events.k8s.io", "events"): (
        {**_EVENT, **_reference("regarding"), "reportingController": _REPORTER},
        _PLAIN_ERROR,
    ),
    ("batch", "jobs"): (
        {**_META, "status.successful": _at("status", "succeeded", default="0")},
        'field label "{label}" not supported for Job',
    ),
    ("certificates.k8s.io", "certificatesigningrequests"): (
        {**_NAME, **_same("spec.signerName")},
        _PLAIN_ERROR,
    ),
    ("resource.k8s.io", "resourceslices"): (
        {**_NAME, **_same("spec.nodeName", "spec.driver")},
        "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {label}",
    ),
}
_OTHERS = (
    _META,
    '"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"',
)


class FieldSelector:
    """A conjunction of `field = value` and `field != value` terms. Immutable; share freely.

    `matches(obj)` takes the whole object; `empty` is true for the selector of everything.
    """

    __slots__ = ("_tests", "empty", "terms")

    def __init__(self, terms: Iterable[tuple[str, str, bool]], fields: Mapping[str, Getter]):
        self.terms = tuple(terms)
        """(field, value, whether they must be equal)."""
        self.empty = not self.terms
        self._tests = tuple((fields[name], value, equal) for name, value, equal in self.terms)

    def matches(self, obj: Mapping[str, Any]) -> bool:
        for getter, value, equal in self._tests:  # noqa: SIM110  asked for every event
            if (getter(obj) == value) is not equal:
                return False
        return True

    def exact(self, name: str) -> str | None:
        """The value that the field `name` must have, or None where the selector leaves it open."""
        for term, value, equal in self.terms:
            if equal and term == name:
                return value
        return None

    def __str__(self) -> str:
        return ",".join(f"{n}{'=' if equal else '!='}{v}" for n, v, equal in self.terms)

    def __repr__(self) -> str:
        return f"<FieldSelector {str(self) or 'everything'}>"


EVERYTHING = FieldSelector((), {})


def supported(resource: Resource) -> tuple[str, ...]:
    """The fields that a kind can be selected on."""
    fields, _ = _KINDS.get((resource.group, resource.plural), _OTHERS)
    return tuple(fields)


@functools.lru_cache(maxsize=2048)
def parse(
    text: str, resource: Resource, *, selectable: tuple[str, ...] | None = None
) -> FieldSelector:
    """The selector of a `fieldSelector` parameter. StatusError 400 where it cannot be read.

    `selectable` are the JSON paths (`.spec.color`) of a custom resource's `selectableFields`, `()`
    where it has none; where that is not said, those of the resource itself.
    """
    if not text:
        return EVERYTHING
    if selectable is None and resource.custom is not None:
        selectable = resource.custom.selectable
    if selectable is None:
        fields, refusal = _KINDS.get((resource.group, resource.plural), _OTHERS)
    else:
        fields, refusal = _custom_fields(resource.namespaced, selectable), _PLAIN_ERROR
    terms = []
    for part in sorted(_pieces.findall(text)):
        terms.append(_term(text, part))
    for label, _, _ in terms:
        if label not in fields:
            raise bad_request(refusal.format(label=label))
    return FieldSelector(terms, fields)


_pieces = re.compile(r"(?:\\.|[^\\,]|\\$)+", re.DOTALL)
"""What stands between commas, a backslash taking the sense of the character behind it."""
_operator = re.compile("!=|==|=")


def _term(text: str, part: str) -> tuple[str, str, bool]:
    sign = _operator.search(part)
    if sign is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
    return part[: sign.start()], _unescape(part[sign.end() :]), sign[0] != "!="


_special = re.compile(r"\\(.?)|[,=]", re.DOTALL)


def _unescape(value: str) -> str:
    """A value without its backslashes. StatusError 400 for what had to have one."""

    def plain(found: re.Match[str]) -> str:
        escaped: str | None = found[1]
        if escaped is None:
            why = f"unescaped character in value: {ord(found[0])}"
        elif escaped in ("\\", ",", "="):
            return escaped
        else:
            why = f"invalid escape sequence: {found[0]}"
        raise bad_request(f"invalid field selector: {why}")

    return _special.sub(plain, value)


_step = re.compile(r"""\[['"]([^'"]+)['"]\]|([^.\[\]]+)""")


def _custom_fields(namespaced: bool, selectable: tuple[str, ...]) -> dict[str, Getter]:
    fields = dict(_META if namespaced else _NAME)
    for path in selectable:
        steps = [quoted or plain for quoted, plain in _step.findall(path)]
        fields[path.removeprefix(".")] = _at(*steps)
    return fields
