"""Accept headers: which representation a client gets, negotiated as a real API server does it.

Two steps, as there: the router first looks whether any listed media type can be produced at all
(go-restful, which ignores parameters and quality), then the best clause that the endpoint can
serve is chosen (apiserver's `endpoints/handlers/negotiation`), transformations included.
"""

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from miniplane.api import errors

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

MEDIA_TYPES = (JSON, YAML, PROTOBUF)
"""What a client may send, and what errors say that it may ask for."""

STREAM_TYPES = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")

_WITHOUT_MESSAGES = (JSON, YAML)
"""What objects are written in for which there are no protobuf messages: Tables, custom resources
as they are."""

_META_VERSIONS = ("v1", "v1beta1")
_TRANSFORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")

HUMANS = ("curl", "Wget", "Mozilla/5.0")
"""User-Agent prefixes of clients behind which a person reads the answer."""


Form: TypeAlias = tuple[str, str, str] | None
"""Group, version and kind that an object is to be converted to; None for the object as it is."""

Allows: TypeAlias = Callable[[str, Form], bool]
"""Whether an endpoint can answer in a media type and a form."""


@dataclasses.dataclass(frozen=True, slots=True)
class Media:
    """A negotiated representation.

    `convert` is "Table", "PartialObjectMetadata", "PartialObjectMetadataList",
    "APIGroupDiscoveryList", or empty for the object itself; `version` is that of the converted
    form's group.
    """

    type: str = JSON
    convert: str = ""
    version: str = ""
    pretty: bool = False
    stream: str = ""

    @property
    def meta_version(self) -> str:
        return f"meta.k8s.io/{self.version}"


UNASKED = Media(pretty=True)
"""How a Status is written for a client that accepts nothing that it could be written in."""


@dataclasses.dataclass(frozen=True, slots=True)
class Clause:
    """One media range of an Accept header."""

    type: str
    subtype: str
    quality: float
    params: dict[str, str]


def parse_accept(header: str) -> list[Clause]:
    """The clauses of an Accept header, the preferred ones first. Unreadable ones are left out."""
    clauses = []
    for text in header.split(","):
        media, *rest = text.split(";")
        kind, slash, subtype = media.strip().partition("/")
        if not slash:
            if kind != "*":
                continue
            subtype = "*"
        quality = 1.0
        params = {}
        for param in rest:
            key, equals, value = param.partition("=")
            key, value = key.strip(), value.strip()
            if not equals:
                continue
            if key == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
            else:
                params[key] = value
        clauses.append(Clause(kind.strip(), subtype.strip(), quality, params))
    return sorted(clauses, key=lambda c: (-c.quality, c.type == "*", c.subtype == "*"))


def _producible(header: str, produced: tuple[str, ...]) -> bool:
    if not header:
        return True
    types = [clause.split(";")[0].strip() for clause in header.split(",")]
    return any(t == "*/*" or t in produced for t in types)


def _accepts(clause: Clause, media: str) -> bool:
    kind, _, subtype = media.partition("/")
    if clause.type == kind:
        return clause.subtype in (subtype, "*")
    return clause.type == "*" and clause.subtype == "*"


def _choose(header: str, allows: Allows) -> Media | None:
    """The first media type, and form, that a clause asks for and the endpoint `allows`."""
    if not header:
        return Media()
    for clause in parse_accept(header):
        for media in MEDIA_TYPES:
            if _accepts(clause, media):
                chosen = _with_params(clause.params, media, allows)
                if chosen is not None:
                    return chosen
    return None


def _with_params(params: dict[str, str], media: str, allows: Allows) -> Media | None:
    stream = params.get("stream", "")
    if stream and (stream != "watch" or media == YAML):
        return None
    if params.get("sv"):
        return None
    pretty = params.get("pretty") == "1"
    if not params.keys() & {"as", "g", "v"}:
        return Media(media, pretty=pretty, stream=stream) if allows(media, None) else None
    kind, group, version = params.get("as", ""), params.get("g", ""), params.get("v", "")
    if not allows(media, (group, version, kind)):
        return None
    return Media(media, kind, version, pretty, stream)


def _as_it_is(media: str, form: Form) -> bool:
    return form is None


def _transformed(media: str, form: Form) -> bool:
    if form is None:
        return True
    group, version, kind = form
    if group != "meta.k8s.io" or version not in _META_VERSIONS or kind not in _TRANSFORMS:
        return False
    return kind != "Table" or media in _WITHOUT_MESSAGES


def _custom(media: str, form: Form) -> bool:
    return media in _WITHOUT_MESSAGES if form is None else _transformed(media, form)


def _aggregated(media: str, form: Form) -> bool:
    return form == ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList")


def _refuse(header: str, produced: tuple[str, ...]) -> errors.StatusError:
    text = f"406: Not Acceptable\n\nAvailable representations: {', '.join(produced)}"
    return errors.StatusError(406, "NotAcceptable", text, {})


def _for(header: str, custom: bool, produced: tuple[str, ...]) -> Media:
    # Custom resources do not pass the router, which words its refusal otherwise.
    if not custom and not _producible(header, MEDIA_TYPES):
        raise _refuse(header, produced)
    media = _choose(header, _custom if custom else _transformed)
    if media is None:
        raise errors.not_acceptable(MEDIA_TYPES)
    return media


@lru_cache(maxsize=512)
def for_object(header: str, *, custom: bool = False) -> Media:
    """The form of one object, Tables and metadata included. StatusError 406.

    `custom`: there are no protobuf messages for the resource.
    """
    return _for(header, custom, MEDIA_TYPES)


@lru_cache(maxsize=512)
def for_list(header: str, *, custom: bool = False) -> Media:
    """The form of a list. `custom` as in `for_object`. StatusError 406."""
    return _for(header, custom, MEDIA_TYPES + STREAM_TYPES)


@lru_cache(maxsize=512)
def for_stream(header: str, *, custom: bool = False) -> Media:
    """The form of the objects in a watch's events. `custom` as in `for_object`. StatusError 406."""
    media = for_list(header, custom=custom)
    if media.type == YAML:
        raise errors.not_acceptable(STREAM_TYPES)
    return media


@lru_cache(maxsize=128)
def for_document(header: str) -> Media:
    """The form of a discovery document. StatusError 406."""
    if not _producible(header, MEDIA_TYPES):
        raise _refuse(header, MEDIA_TYPES)
    media = _choose(header, _as_it_is)
    if media is None:
        raise errors.not_acceptable(MEDIA_TYPES)
    return media


@lru_cache(maxsize=128)
def for_discovery(header: str) -> Media:
    """The form of `/api` and `/apis`: aggregated wherever that is among what is asked for.
    StatusError 406."""
    media = _choose(header, _aggregated) if header else None
    return media or for_document(header)


@lru_cache(maxsize=512)
def for_error(header: str) -> Media:
    """The form of a Status: one that can be written, whatever was asked for."""
    return _choose(header, _as_it_is) or UNASKED
