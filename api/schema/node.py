"""Nodes: the structure of the published definitions, without their prose.

>>> spec = node("io.k8s.api.core.v1.PodSpec")
>>> ports = spec.fields["containers"].item.fields["ports"]
>>> ports.list_type, ports.list_keys
('map', ('containerPort', 'protocol'))
>>> ports.item.fields["protocol"].default
'TCP'
"""

from typing import Any

from miniplane.api.schema import compact

_META = "io.k8s.apimachinery.pkg."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

_SPECIAL: dict[str, tuple[str, str]] = {
    _META + "api.resource.Quantity": ("scalar", "quantity"),
    _META + "util.intstr.IntOrString": ("scalar", "int-or-string"),
    _META + "apis.meta.v1.Time": ("scalar", "time"),
    _META + "apis.meta.v1.MicroTime": ("scalar", "microtime"),
    _META + "apis.meta.v1.FieldsV1": ("any", ""),
    _META + "apis.meta.v1.Patch": ("any", ""),
    _META + "runtime.RawExtension": ("any", ""),
    _EXTENSIONS + "JSON": ("any", ""),
    _EXTENSIONS + "JSONSchemaPropsOrArray": ("any", ""),
    _EXTENSIONS + "JSONSchemaPropsOrBool": ("any", ""),
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": ("any", ""),
}
"""Definitions that say less than their Go types do: what they really hold."""


class Node:
    """One place in a schema: a definition, or a field's, item's or map value's type.

    `kind` is `object` (known fields), `map` (any key, values are `item`), `list` (of `item`),
    `scalar`, or `any` (untyped JSON: RawExtension, JSON, FieldsV1).
    `scalar` is `string`, `integer`, `number`, `boolean`, `bytes` (base64), `quantity`, `time`,
    `microtime`, `int-or-string` or `""`; `format` is `int32`, `int64`, `double` or `""`.
    `list_type` is `atomic`, `set` or `map` (a list that says nothing is atomic), `list_keys` its
    keys; `map_type` is `granular` or `atomic`, for objects too.
    `patch_strategy` and `patch_merge_key` are those of strategic merge patches. `default` is the
    published default (list map keys need it to compare items that leave it out), else None.

    A reference without markers of its own is the very Node of its definition, so identity serves
    as a key for compiled code. Nodes are shared: never change one.
    """

    __slots__ = (
        "default",
        "fields",
        "format",
        "item",
        "kind",
        "list_keys",
        "list_type",
        "map_type",
        "name",
        "patch_merge_key",
        "patch_strategy",
        "required",
        "scalar",
    )

    kind: str
    name: str
    fields: "dict[str, Node]"
    item: "Node | None"
    scalar: str
    format: str
    list_type: str
    list_keys: tuple[str, ...]
    map_type: str
    patch_strategy: frozenset[str]
    patch_merge_key: str
    required: tuple[str, ...]
    default: Any

    def __init__(self, kind: str, *, name: str = "", scalar: str = "", format: str = ""):
        self.kind = kind
        self.name = name
        self.scalar = scalar
        self.format = format
        self.item = None
        self.list_type = "atomic"
        self.list_keys = ()
        self.map_type = "granular"
        self.patch_strategy = frozenset()
        self.patch_merge_key = ""
        self.required = ()
        self.default = None
        if kind != "object":
            self.fields = {}

    def __getattr__(self, attribute: str) -> Any:
        """Builds `fields` when an object's fields are first asked for: definitions recurse."""
        if attribute != "fields":
            raise AttributeError(attribute)
        form = compact.compact(self.name) if self.name else {}
        self.fields = {name: _field(value) for name, value in form.get("f", {}).items()}
        return self.fields

    def __repr__(self) -> str:
        return f"<Node {self.name or self.scalar or self.kind}>"


_nodes: dict[str, Node] = {}


def node(definition: str) -> Node:
    """The node of a definition (`io.k8s.api.apps.v1.StatefulSet`). KeyError for an unknown one."""
    found = _nodes.get(definition)
    if found is None:
        found = _nodes[definition] = _definition(definition)
    return found


def _definition(name: str) -> Node:
    form = compact.compact(name)
    if name in _SPECIAL:
        kind, scalar = _SPECIAL[name]
        out = Node(kind, name=name, scalar=scalar)
    else:
        out = Node("object", name=name)
    out.required = tuple(form.get("r", ()))
    _mark(out, form)
    return out


def _field(value: str | list[Any]) -> Node:
    if isinstance(value, str):
        return _type(value)
    code, markers = value
    out = _type(code)
    if code[0] not in "[{":
        out = _copy(out)
    _mark(out, markers)
    return out


_scalars: dict[str, Node] = {}


def _type(code: str) -> Node:
    """The node of a type code. Lists and maps are new each time, everything else is shared."""
    if code[0] == "#":
        return node(code[1:])
    if code[0] == "[" or code[0] == "{":
        out = Node("list" if code[0] == "[" else "map")
        out.item = _type(code[1:])
        return out
    found = _scalars.get(code)
    if found is None:
        found = _scalars[code] = _scalar(code)
    return found


def _scalar(code: str) -> Node:
    if code == "o":
        return Node("any")
    kind, form = compact.SCALARS[code]
    return Node("scalar", scalar="bytes" if form == "byte" else kind, format=form)


def _copy(source: Node) -> Node:
    out = Node(source.kind, name=source.name, scalar=source.scalar, format=source.format)
    for slot in ("item", "list_type", "list_keys", "map_type", "required", "default"):
        setattr(out, slot, getattr(source, slot))
    return out


def _mark(target: Node, markers: dict[str, Any]) -> None:
    target.list_type = markers.get("lt", target.list_type)
    target.list_keys = tuple(markers.get("lk", target.list_keys))
    target.map_type = markers.get("mt", target.map_type)
    target.patch_merge_key = markers.get("pk", target.patch_merge_key)
    target.default = markers.get("df", target.default)
    if "ps" in markers:
        target.patch_strategy = frozenset(markers["ps"].split(","))
