"""Which operations a resource has: paths, methods, parameters and bodies, in no form yet.

Follows apiserver's `pkg/endpoints/installer.go`, where each verb of a resource becomes routes.
"""

import dataclasses
from collections.abc import Iterable, Iterator

from miniplane.api.openapi import parameters
from miniplane.api.resources import Resource, Subresource

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
STATUS = META + "Status"
MEDIA_TYPES = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
STREAMS = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
CUSTOM_PATCH_TYPES = PATCH_TYPES[:3]
_METHODS = {
    "get": ("get",),
    "create": ("post",),
    "update": ("put",),
    "patch": ("patch",),
    "delete": ("delete",),
}
_PROXY_METHODS = ("delete", "get", "head", "options", "patch", "post", "put")
_ANSWER_WITH_OBJECT = frozenset(
    {
        "CSIDriver", "CSINode", "DeviceClass", "PersistentVolume", "PersistentVolumeClaim", "Pod",
        "PodTemplate", "ResourceClaim", "ResourceClaimTemplate", "ResourceQuota", "ResourceSlice",
        "Service", "ServiceAccount", "StorageClass", "VolumeAttachment", "VolumeAttributesClass",
    }
)  # fmt: skip
"""Kinds whose deletion answers with the object instead of a Status."""

Parameter = tuple[str, str]
"""Name and place (`path` or `query`)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One method of a path. `body` and the values of `responses` are definitions or `string`."""

    method: str
    id: str
    text: str
    action: str = ""
    gvk: tuple[str, str, str] | None = None
    """Group, version and kind."""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = MEDIA_TYPES
    responses: tuple[tuple[int, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """A path with its operations, and the kind that its `{name}` is one of."""

    path: str
    kind: str
    operations: tuple[Operation, ...]

    def shared(self) -> tuple[Parameter, ...]:
        """The parameters that all operations have: they are shown once, at the path."""
        first, *rest = (operation.parameters for operation in self.operations)
        return tuple(p for p in first if all(p in other for other in rest))


def group_name(group: str) -> str:
    """`Core`, `Apps`, `RbacAuthorization`: a group in operation ids."""
    if not group:
        return "Core"
    parts = group.removesuffix(".k8s.io").split(".")
    return "".join(part[:1].upper() + part[1:] for part in parts).replace("-", "")


def tag(group: str, version: str = "") -> str:
    name = group_name(group)
    name = name[:1].lower() + name[1:]
    return f"{name}_{version}" if version else name


def of_resource(row: Resource, *, custom: bool = False) -> Iterator[Path]:
    """All paths of a resource. `custom`: it is defined by a CustomResourceDefinition."""
    yield from _Builder(row, custom).paths()


class _Builder:
    def __init__(self, row: Resource, custom: bool):
        self.row = row
        self.custom = custom
        self.scope: tuple[Parameter, ...] = (("namespace", "path"),) if row.namespaced else ()
        self.version = group_name(row.group) + row.version.capitalize()
        self.base = f"{row.path}/{row.plural}"
        if row.namespaced:
            self.base = f"{row.path}/namespaces/{{namespace}}/{row.plural}"
        self.media = MEDIA_TYPES if not custom else (MEDIA_TYPES[0], MEDIA_TYPES[2])
        self.streams = (*self.media, *STREAMS) if not custom else self.media

    def paths(self) -> Iterator[Path]:
        row, item = self.row, f"{self.base}/{{name}}"
        if row.namespaced and "list" in row.verbs:
            operation = self.read("list", f"list{self.version}{row.kind}ForAllNamespaces", ())
            yield Path(f"{row.path}/{row.plural}", row.kind, (operation,))
        collection = tuple(self.collection())
        if collection:
            yield Path(self.base, row.kind, collection)
        name = (*self.scope, ("name", "path"))
        single = tuple(self.single(name))
        if single:
            yield Path(item, row.kind, single)
        for sub in row.subresources:
            yield from self.subresource(sub, f"{item}/{sub.name}", name)
        if "watch" in row.verbs:
            yield from self.watches(name)

    def named(self, verb: str, suffix: str = "", *, before: str = "") -> str:
        scope = "Namespaced" if self.row.namespaced else ""
        return f"{verb}{self.version}{before}{scope}{self.row.kind}{suffix}"

    @property
    def gvk(self) -> tuple[str, str, str]:
        return self.row.group, self.row.version, self.row.kind

    def read(self, action: str, id_: str, scope: tuple[Parameter, ...]) -> Operation:
        """A `list`, a `watch` of one object, or a `watchlist` of a collection."""
        text = "list or watch objects of kind" if action == "list" else "watch changes to"
        answer = f"{self.row.definition}List" if action == "list" else META + "WatchEvent"
        return Operation(
            "get",
            id_,
            f"{text} {self.row.kind}",
            action,
            self.gvk,
            (*scope, *_query(parameters.LIST)),
            produces=self.streams,
            responses=((200, answer),),
        )

    def collection(self) -> Iterator[Operation]:
        row = self.row
        if "list" in row.verbs:
            yield self.read("list", self.named("list"), self.scope)
        if "create" in row.verbs:
            yield self.write("create", self.named("create"), self.scope)
        if "deletecollection" in row.verbs:
            yield Operation(
                "delete",
                self.named("delete", before="Collection"),
                f"delete collection of {row.kind}",
                "deletecollection",
                self.gvk,
                (*self.scope, *_query(parameters.DELETE_COLLECTION)),
                body=META + "DeleteOptions",
                consumes=("*/*",),
                produces=self.media,
                responses=((200, STATUS),),
            )

    def single(self, name: tuple[Parameter, ...]) -> Iterator[Operation]:
        row = self.row
        if "get" in row.verbs:
            yield self.get(self.named("read"), name, row.definition)
        if "update" in row.verbs:
            yield self.write("update", self.named("replace"), name)
        if "patch" in row.verbs:
            yield self.write("patch", self.named("patch"), name)
        if "delete" in row.verbs:
            answer = row.definition if row.kind in _ANSWER_WITH_OBJECT else STATUS
            yield Operation(
                "delete",
                self.named("delete"),
                f"delete {_article(row.kind)}",
                "delete",
                self.gvk,
                (*name, *_query(parameters.DELETE)),
                body=META + "DeleteOptions",
                consumes=("*/*",),
                produces=self.media,
                responses=((200, answer), (202, answer)),
            )

    def get(
        self, id_: str, name: tuple[Parameter, ...], definition: str, of: str = ""
    ) -> Operation:
        return Operation(
            "get",
            id_,
            f"read {of}the specified {self.row.kind}",
            "get",
            self.gvk,
            (*name, *_query(parameters.READ)),
            produces=self.media,
            responses=((200, definition),),
        )

    def write(
        self,
        verb: str,
        id_: str,
        scope: tuple[Parameter, ...],
        definition: str = "",
        gvk: tuple[str, str, str] | None = None,
        of: str = "",
    ) -> Operation:
        """A create, update or patch."""
        definition = definition or self.row.definition
        method, codes, text = {
            "create": ("post", (200, 201, 202), "create"),
            "update": ("put", (200, 201), "replace"),
            "patch": ("patch", (200, 201), "partially update"),
        }[verb]
        patch_types = CUSTOM_PATCH_TYPES if self.custom else PATCH_TYPES
        patching = verb == "patch"
        what = _article(self.row.kind) if verb == "create" else f"the specified {self.row.kind}"
        return Operation(
            method,
            id_,
            f"{text} {of}{what}",
            method,
            gvk or self.gvk,
            (*scope, *_query(parameters.PATCH if patching else parameters.WRITE)),
            body=META + "Patch" if patching else definition,
            consumes=patch_types if patching else ("*/*",),
            produces=self.media,
            responses=tuple((code, definition) for code in codes),
        )

    def subresource(
        self, sub: Subresource, path: str, name: tuple[Parameter, ...]
    ) -> Iterator[Path]:
        row, suffix = self.row, sub.name.capitalize()
        if sub.name in parameters.CONNECT:
            yield from self.connections(sub, path, name)
            return
        if sub.name == "log":
            log = Operation(
                "get",
                self.named("read", suffix),
                "read log of the specified Pod",
                "get",
                self.gvk,
                (*name, *_query(parameters.LOG)),
                produces=("text/plain", *self.media),
                responses=((200, "string"),),
            )
            yield Path(path, row.kind, (log,))
            return
        kind = sub.kind or row.kind
        gvk = (sub.group, sub.version, kind) if sub.version else (row.group, row.version, kind)
        definition = definition_of(gvk) if sub.kind else row.definition
        of = f"{sub.name} of "
        operations = []
        if "get" in sub.verbs:
            read = self.get(self.named("read", suffix), name, definition, of)
            operations.append(dataclasses.replace(read, gvk=gvk))
        for verb, word in (("create", "create"), ("update", "replace"), ("patch", "patch")):
            if verb in sub.verbs:
                id_ = self.named(word, suffix)
                operations.append(self.write(verb, id_, name, definition, gvk, of))
        yield Path(path, kind, tuple(operations))

    def connections(
        self, sub: Subresource, path: str, name: tuple[Parameter, ...]
    ) -> Iterator[Path]:
        row = self.row
        methods = _PROXY_METHODS if sub.name == "proxy" else ("get", "post")
        query = (*name, *_query(parameters.CONNECT[sub.name]))
        forms = [("", path, query)]
        if sub.name == "proxy":
            forms.append(("WithPath", f"{path}/{{path}}", (*name, ("path", "path"), *query[-1:])))
        for ending, where, params in forms:
            operations = tuple(
                Operation(
                    method,
                    self.named(
                        "connect", sub.name.capitalize() + ending, before=method.capitalize()
                    ),
                    f"connect {method.upper()} requests to {sub.name} of {row.kind}",
                    "connect",
                    (row.group, row.version, sub.kind),
                    params,
                    produces=("*/*",),
                    responses=((200, "string"),),
                )
                for method in methods
            )
            yield Path(where, sub.kind, operations)

    def watches(self, name: tuple[Parameter, ...]) -> Iterator[Path]:
        row, base = self.row, f"{self.row.path}/watch"
        if row.namespaced:
            id_ = f"watch{self.version}{row.kind}ListForAllNamespaces"
            yield Path(f"{base}/{row.plural}", row.kind, (self.read("watchlist", id_, ()),))
            base += "/namespaces/{namespace}"
        listed = self.read("watchlist", self.named("watch", "List"), self.scope)
        yield Path(f"{base}/{row.plural}", row.kind, (listed,))
        one = self.read("watch", self.named("watch"), name)
        yield Path(f"{base}/{row.plural}/{{name}}", row.kind, (one,))


def _query(names: Iterable[str]) -> tuple[Parameter, ...]:
    return tuple((name, "query") for name in sorted(names))


def _article(kind: str) -> str:
    return f"{'an' if kind[:1] in 'AEIOU' else 'a'} {kind}"


def definition_of(gvk: tuple[str, str, str]) -> str:
    """The definition of a subresource's kind, `""` where it has none (connection options)."""
    group, version, kind = gvk
    return f"io.k8s.api.{group.partition('.')[0] or 'core'}.{version}.{kind}"
