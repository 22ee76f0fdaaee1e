"""What Kubernetes' message types look like: the fields of each, and their numbers.

The published definitions say what a field is, `api/data/wire.bin` says its number; that is all
there is to most types. Fields of embedded structs stand in a message of their own. The few types
that are sent but not published are written down here, from apimachinery's
`pkg/apis/meta/{v1,v1beta1}/generated.proto` and `k8s.io/api/apidiscovery/v2/generated.proto`.
"""

import functools
from collections.abc import Sequence
from typing import TypeAlias

import orjson

from miniplane.api.decode import types
from miniplane.api.schema import compact

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
OBJECT_META = META + "ObjectMeta"
LIST_META = META + "ListMeta"

WRAPPED = ("v1.ExtraValue", "v1.Verbs")
"""List types that are a message of their own, with the one field `items`."""

Fields: TypeAlias = Sequence[tuple[tuple[int, ...], types.Field]]
"""Number and field, in no order. The number of an embedded struct's field is a path: first that of
the struct, last that of the field."""

_PARTIAL = META + "PartialObjectMetadata"
_META_V1BETA1 = "io.k8s.apimachinery.pkg.apis.meta.v1beta1."
_DISCOVERY = "io.k8s.api.apidiscovery.v2."

_UNPUBLISHED: dict[str, dict[str, tuple[int, str]]] = {
    _PARTIAL: {"metadata": (1, "#" + OBJECT_META)},
    _PARTIAL + "List": {"metadata": (1, "#" + LIST_META), "items": (2, "[#" + _PARTIAL)},
    _META_V1BETA1 + "PartialObjectMetadataList": {
        "metadata": (2, "#" + LIST_META),
        "items": (1, "[#" + _PARTIAL),
    },
    _DISCOVERY + "APIGroupDiscoveryList": {
        "metadata": (1, "#" + LIST_META),
        "items": (2, f"[#{_DISCOVERY}APIGroupDiscovery"),
    },
    _DISCOVERY + "APIGroupDiscovery": {
        "metadata": (1, "#" + OBJECT_META),
        "versions": (2, f"[#{_DISCOVERY}APIVersionDiscovery"),
    },
    _DISCOVERY + "APIVersionDiscovery": {
        "version": (1, "s"),
        "resources": (2, f"[#{_DISCOVERY}APIResourceDiscovery"),
        "freshness": (3, "s"),
    },
    _DISCOVERY + "APIResourceDiscovery": {
        "resource": (1, "s"),
        "responseKind": (2, f"*#{META}GroupVersionKind"),
        "scope": (3, "s"),
        "singularResource": (4, "s"),
        "verbs": (5, "[s"),
        "shortNames": (6, "[s"),
        "categories": (7, "[s"),
        "subresources": (8, f"[#{_DISCOVERY}APISubresourceDiscovery"),
    },
    _DISCOVERY + "APISubresourceDiscovery": {
        "subresource": (1, "s"),
        "responseKind": (2, f"*#{META}GroupVersionKind"),
        "acceptedTypes": (3, f"[#{META}GroupVersionKind"),
        "verbs": (4, "[s"),
    },
    META + "GroupVersionKind": {"group": (1, "s"), "version": (2, "s"), "kind": (3, "s")},
}
"""Fields with number and type code, as `schema.compact` has them; `*` before those of pointers."""

_UNPUBLISHED_KINDS = {
    ("meta.k8s.io/v1", "PartialObjectMetadata"): _PARTIAL,
    ("meta.k8s.io/v1beta1", "PartialObjectMetadata"): _PARTIAL,
    ("meta.k8s.io/v1", "PartialObjectMetadataList"): _PARTIAL + "List",
    ("meta.k8s.io/v1beta1", "PartialObjectMetadataList"): (
        _META_V1BETA1 + "PartialObjectMetadataList"
    ),
    ("apidiscovery.k8s.io/v2", "APIGroupDiscoveryList"): _DISCOVERY + "APIGroupDiscoveryList",
}


def fields(definition: str) -> Fields:
    """The fields of a message. KeyError for an unknown definition."""
    unpublished = _UNPUBLISHED.get(definition)
    if unpublished is not None:
        return [((number,), _field(name, code)) for name, (number, code) in unpublished.items()]
    numbers: list[int | list[int]] = orjson.loads(_numbers()[definition])
    paths = [tuple(n) if isinstance(n, list) else (n,) for n in numbers]
    found = zip(paths, types.struct(definition).fields.values(), strict=True)
    return [(path, field) for path, field in found if path[-1]]


@functools.cache
def _numbers() -> dict[str, bytes]:
    return dict(zip(compact.lines(), compact.read("wire").split(b"\n"), strict=True))


def _field(name: str, code: str) -> types.Field:
    pointer = code.startswith("*")
    return types.Field(
        name=name,
        type=types.type_of(code.removeprefix("*"), ""),
        pointer=pointer,
        always=False,
        droppable=not pointer,
        shown_null=False,
        plain=False,
    )


def definition_of(api_version: str, kind: str) -> str:
    """The definition of a kind, `""` where there is none."""
    by_version = _definitions()
    return by_version.get((api_version, kind)) or by_version.get(("", kind), "")


@functools.cache
def _definitions() -> dict[tuple[str, str], str]:
    """Definitions by apiVersion and kind. The kinds of meta/v1 go by their kind alone."""
    found: dict[tuple[str, str], str] = dict(_UNPUBLISHED_KINDS)
    for definition, line in compact.lines().items():
        if definition.startswith(META):
            found["", definition.rpartition(".")[2]] = definition
        elif b'"gk"' in line:
            for gvk in compact.compact(definition)["gk"]:
                group, version = gvk["group"], gvk["version"]
                found[f"{group}/{version}" if group else version, gvk["kind"]] = definition
    return found
