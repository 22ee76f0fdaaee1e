"""Decoding an object of a known kind: the fast way, and the careful one where it is in doubt."""

from typing import Any

from miniplane.api import errors, objects
from miniplane.api.decode import careful, fast, gojson, scalars, types
from miniplane.api.objects import Obj

_FIRST = ("apiVersion", "kind", "metadata")


class TypeMismatch(errors.StatusError):
    """400: a value of a wrong type. `cause` is the decoder's own text.

    The message is that of a create or update; patches wrap `cause` in words of their own.
    """

    def __init__(self, cause: str, message: str):
        super().__init__(400, "BadRequest", message)
        self.cause = cause


def decode(definition: str, raw: Any, *, strict: bool = True) -> tuple[Obj, list[str]]:
    """A new object of the kind `definition`, and what a strict decoder has against `raw`.

    The object shares nothing with `raw` but field sets, which nobody changes. Problems read
    `unknown field "spec.foo"` or `duplicate field "data.k"`, in the order of the document, 100 at
    most; with `strict=False` there are none. `apiVersion` and `kind` stay as they are. `raw` may be
    None, which Go takes for `{}`.

    Raises TypeMismatch; KeyError for an unknown definition.
    """
    problems: list[str] = []
    try:
        obj = fast.decoder(definition)(raw)
    except fast.Doubt:
        try:
            obj, problems = careful.decode(definition, raw)
        except careful.Mismatch as mismatch:
            raise _mismatch(definition, raw, str(mismatch)) from None
    if next(iter(obj), "") != "apiVersion" or "metadata" in obj:
        ordered = {name: obj.pop(name) for name in _FIRST if name in obj}
        ordered.update(obj)
        obj = ordered
    return obj, problems if strict else []


def plain(definition: str, raw: Any) -> Any:
    """As `decode`, None for a value that is not plainly in order."""
    try:
        return fast.decoder(definition)(raw)
    except fast.Doubt:
        return None


def _mismatch(definition: str, raw: Any, cause: str) -> TypeMismatch:
    wanted = definition.rpartition(".")[2]
    kind, version = wanted, definition.split(".")[-2]
    if isinstance(raw, dict):
        if isinstance(raw.get("kind"), str):
            kind = raw["kind"] or kind
        if isinstance(raw.get("apiVersion"), str):
            version = raw["apiVersion"].rpartition("/")[2] or version
    return TypeMismatch(
        cause, f'{kind} in version "{version}" cannot be handled as a {wanted}: {cause}'
    )


def zero(definition: str) -> Obj:
    """The empty object of a definition: only what a server always writes. New on every call.

    >>> zero("io.k8s.api.apps.v1.StatefulSetStatus")
    {'availableReplicas': 0, 'replicas': 0}
    """
    return types.struct(definition).zero()


_BLANK_REPLICAS = frozenset(
    {
        "io.k8s.api.apps.v1.Deployment",
        "io.k8s.api.apps.v1.ReplicaSet",
        "io.k8s.api.apps.v1.StatefulSet",
        "io.k8s.api.core.v1.ReplicationController",
    }
)
"""Kinds whose replicas are a plain number inside the server, so that even nothing shows as 0."""


def blank(definition: str) -> Obj:
    """The empty object with all its nulls: what a watch sends as the object of a bookmark."""
    obj = types.struct(definition).blank()
    if definition in _BLANK_REPLICAS:
        obj["spec"] = {"replicas": 0, **obj["spec"]}
    return obj


def embed(raw: Any) -> Any:
    """A private copy of an object that another one carries as it is (RawExtension)."""
    return objects.thaw(raw)


def untyped(raw: Any) -> tuple[Any, list[str]]:
    """A private copy of data without a definition, with numbers as Go writes them back.

    The list names its doubled keys, in order: `duplicate field "spec.a"`. Raises TypeMismatch for
    a number that no float can hold.
    """
    try:
        return _plain_copy(raw), []
    except fast.Doubt:
        problems: dict[str, None] = {}
        value = _untyped(raw, "", problems)
        return value, list(problems)[: careful.MAX_PROBLEMS]


def _plain_copy(raw: Any) -> Any:
    """Doubt for data with doubled keys, fractions or huge numbers."""
    kind = type(raw)
    if kind is dict:
        return {k: v if type(v) is str else _plain_copy(v) for k, v in raw.items()}
    if kind is list:
        return [v if type(v) is str else _plain_copy(v) for v in raw]
    if raw is None or kind is str or kind is bool or (kind is int and raw in _INT64):
        return raw
    raise fast.Doubt


_INT64 = range(-(1 << 63), 1 << 63)


def _untyped(raw: Any, path: str, problems: dict[str, None]) -> Any:
    if isinstance(raw, dict):
        if isinstance(raw, gojson.Duplicated):
            return _doubled(raw, path, problems)
        return {
            key: _untyped(value, f"{path}.{key}" if path else key, problems)
            for key, value in raw.items()
        }
    if isinstance(raw, list):
        return [_untyped(value, f"{path}[{i}]", problems) for i, value in enumerate(raw)]
    if isinstance(raw, float) or (type(raw) is int and not -(1 << 63) <= raw < 1 << 63):
        return _finite(raw)
    return raw


def _finite(raw: int | float) -> int | float:
    if raw - raw != 0:
        cause = f"json: cannot unmarshal number {raw!r} into Go value of type float64"
        raise TypeMismatch(cause, cause)
    return scalars.number(float(raw))


def _doubled(raw: gojson.Duplicated, path: str, problems: dict[str, None]) -> Obj:
    out: Obj = {}
    for key, value in raw.pairs:
        where = f"{path}.{key}" if path else key
        if key in out:
            problems.setdefault(f"duplicate field {careful.quote(where)}")
        out[key] = _untyped(value, where, problems)
    return out
