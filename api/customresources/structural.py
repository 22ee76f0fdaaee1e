"""The structural schema: an `openAPIV3Schema` as the steps after it want to walk it.

>>> root = parse({"type": "object", "properties": {"size": {"type": "integer", "default": 3}}})
>>> root.properties["size"].default
3
"""

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]

ABSENT: Any = object()
"""Stands for a default that there is none of: null is none either."""

META_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


class Structural:
    """One place of a schema.

    `raw` is the published schema of the place. `additional` is the schema of the values of a map,
    or None; `open` tells that `additionalProperties` is there at all, be it `true` or a schema.
    `default` is `ABSENT` where there is none. `map_type` is `granular` or `atomic`, `list_type`
    `atomic`, `set`, `map` or `""` for a list that says nothing. The `has_...` tell of the place and
    all below it, so that nobody walks where there is nothing to be found.
    """

    __slots__ = (
        "additional",
        "default",
        "embedded",
        "has_defaults",
        "has_embedded",
        "has_keyed_lists",
        "int_or_string",
        "items",
        "list_keys",
        "list_type",
        "map_type",
        "nullable",
        "open",
        "preserve",
        "properties",
        "raw",
        "rules",
        "type",
    )

    def __init__(self, raw: Raw):
        self.raw = raw
        self.type: str = raw.get("type") or ""
        self.nullable = bool(raw.get("nullable"))
        default = raw.get("default")
        self.default: Any = ABSENT if default is None else default
        self.preserve = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.int_or_string = bool(raw.get("x-kubernetes-int-or-string"))
        self.list_type: str = raw.get("x-kubernetes-list-type") or ""
        self.list_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys") or ())
        self.map_type: str = raw.get("x-kubernetes-map-type") or "granular"
        self.rules: tuple[Raw, ...] = tuple(raw.get("x-kubernetes-validations") or ())
        self.properties: dict[str, Structural] = {
            name: Structural(value or {}) for name, value in (raw.get("properties") or {}).items()
        }
        items, additional = raw.get("items"), raw.get("additionalProperties")
        self.items = Structural(items) if isinstance(items, Mapping) else None
        self.additional = Structural(additional) if isinstance(additional, Mapping) else None
        self.open = additional is not None
        inner = [*self.properties.values(), self.items, self.additional]
        below = [place for place in inner if place is not None]
        keyed = self.list_type in ("set", "map")
        self.has_defaults: bool = self.default is not ABSENT or any(p.has_defaults for p in below)
        self.has_embedded: bool = self.embedded or any(p.has_embedded for p in below)
        self.has_keyed_lists: bool = keyed or any(p.has_keyed_lists for p in below)

    def field(self, name: str) -> "Structural | None":
        """The schema of a field of an object or map, None where the schema does not know it."""
        return self.properties.get(name) or self.additional

    def __repr__(self) -> str:
        return f"<Structural {self.type or 'any'}>"


def parse(raw: Raw) -> Structural:
    """The spine of a schema that validation has found to be structural."""
    return Structural(raw)


def has_rules(schema: Structural) -> bool:
    """Whether the schema has x-kubernetes-validations anywhere."""
    if schema.rules:
        return True
    inner = [*schema.properties.values(), schema.items, schema.additional]
    return any(place is not None and has_rules(place) for place in inner)
