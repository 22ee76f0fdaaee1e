"""The scale subresource of custom resources: where replicas and selector stand is defined.

After `pkg/registry/customresource` of apiextensions-apiserver (`etcd.go`, `validator.go`).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from miniplane.api import errors, field
from miniplane.api.field import FieldError
from miniplane.api.objects import Obj

_MAX = (1 << 31) - 1
_GO_TYPES: dict[type, str] = {bool: "bool", str: "string", int: "int64", float: "float64"}


class Misplaced(ValueError):
    """Something else stands where a number or a text should. The text is client-go's."""


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """The JSON paths of a version's `subresources.scale`, `selector` `""` where it has none."""

    replicas: str
    status_replicas: str
    selector: str

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Scale":
        return cls(
            raw["specReplicasPath"],
            raw["statusReplicasPath"],
            raw.get("labelSelectorPath") or "",
        )

    @property
    def elements(self) -> tuple[str, ...]:
        """The replicas' path as elements of field ownership."""
        return tuple(f"f:{name}" for name in _steps(self.replicas))

    def get(self, obj: Obj) -> int | None:
        """The wanted number of replicas, None where there is none. Misplaced."""
        return _number(obj, self.replicas)

    def put(self, obj: Obj, replicas: int) -> None:
        """Set the wanted number, in place. Misplaced."""
        *way, last = _steps(self.replicas)
        place: Any = obj
        for i, name in enumerate(way):
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise Misplaced(
                    f"value cannot be set because .{'.'.join(way[: i + 1])} is not a "
                    "map[string]interface{}"
                )
        place[last] = replicas

    def show(self, obj: Obj) -> Obj:
        """The Scale of an object. StatusError 500 where something else stands in its place."""
        try:
            replicas = self.get(obj)
            shown = _number(obj, self.status_replicas) or 0
            selector = _text(obj, self.selector) if self.selector else ""
        except Misplaced as error:
            raise errors.StatusError(500, "", str(error)) from None
        metadata = obj["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        status: dict[str, Any] = {"replicas": shown}
        if selector:
            status["selector"] = selector
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {key: metadata[key] for key in kept if key in metadata},
            "spec": {"replicas": replicas} if replicas else {},
            "status": status,
        }

    def check_spec(self, obj: Obj) -> list[FieldError]:
        return _check(obj, self.replicas)

    def check_status(self, obj: Obj) -> list[FieldError]:
        problems = _check(obj, self.status_replicas)
        if self.selector:
            try:
                _text(obj, self.selector)
            except Misplaced as error:
                problems.append(field.invalid(self.selector, "", str(error)))
        return problems


def _check(obj: Obj, path: str) -> list[FieldError]:
    try:
        replicas = _number(obj, path) or 0
    except Misplaced as error:
        return [field.invalid(path, 0, str(error))]
    if replicas < 0:
        return [field.invalid(path, replicas, "should be a non-negative integer")]
    if replicas > _MAX:
        return [field.invalid(path, replicas, f"should be less than or equal to {_MAX}")]
    return []


def _steps(path: str) -> list[str]:
    return path.removeprefix(".").split(".")


def _found(obj: Obj, path: str) -> tuple[Any, bool]:
    value: Any = obj
    steps = _steps(path)
    for i, name in enumerate(steps):
        if value is None:
            return None, False
        if not isinstance(value, dict):
            where = ".".join(steps[: i + 1])
            raise Misplaced(
                f".{where} accessor error: {_shown(value)} is of the type {_go_type(value)}, "
                "expected map[string]interface{}"
            )
        if name not in value:
            return None, False
        value = value[name]
    return value, True


def _number(obj: Obj, path: str) -> int | None:
    value, there = _found(obj, path)
    if not there:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misplaced(value, path, "int64")
    return value


def _text(obj: Obj, path: str) -> str:
    value, there = _found(obj, path)
    if not there:
        return ""
    if not isinstance(value, str):
        raise _misplaced(value, path, "string")
    return value


def _misplaced(value: Any, path: str, wanted: str) -> Misplaced:
    where = ".".join(_steps(path))
    return Misplaced(
        f".{where} accessor error: {_shown(value)} is of the type {_go_type(value)}, "
        f"expected {wanted}"
    )


def _go_type(value: Any) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, dict):
        return "map[string]interface {}"
    return _GO_TYPES.get(type(value), "[]interface {}")


def _shown(value: Any) -> str:
    """A value as Go prints it with `%v`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{_shown(value[k])}' for k in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_shown, value))}]"
    return str(value)
