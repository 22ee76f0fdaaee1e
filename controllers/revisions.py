"""ControllerRevisions: the history of a StatefulSet's or a DaemonSet's pod template.

A revision's `data` is a strategic merge patch that puts a template back, so that `kubectl rollout
undo` can apply it as it is:

    {"spec": {"template": {"metadata": {...}, "spec": {...}, "$patch": "replace"}}}

Revisions are numbered from 1. Going back to an old template makes no new object: the old one is
raised to the highest number. After `pkg/controller/history/controller_history.go`.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.controllers import owners

HASH_LABEL = "controller.kubernetes.io/hash"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters that form no words, and digits that are not taken for letters (apimachinery's rand)."""
_DIGITS = str.maketrans({c: _ALPHABET[ord(c) % len(_ALPHABET)] for c in "0123456789"})
_MAX_PREFIX = 223


def data_of(template: Mapping[str, Any]) -> Obj:
    """The patch that puts this pod template back."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def template_of(revision: Mapping[str, Any]) -> Obj:
    """The pod template that a revision puts back."""
    template = dict(objects.get_path(revision, "data", "spec", "template", default={}))
    template.pop("$patch", None)
    return template


def digest(data: Any, collisions: int = 0) -> str:
    """A name's tail for `data`: the FNV-1 hash of its JSON, spelt in letters that form no words.

    `collisions` is the owner's `status.collisionCount`: another count gives another tail.

    >>> digest({}), digest({}, 1)
    ('cccc864bc', 'cccc864bb')
    """
    text = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    # Go's encoder escapes these inside strings, and they occur nowhere else in JSON.
    for char, escape in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        text = text.replace(char, escape)
    value = 0x811C9DC5
    for byte in text + b"%d" % collisions:
        value = (value * 0x01000193 & 0xFFFFFFFF) ^ byte
    return str(value).translate(_DIGITS)


def name_for(owner: str, tail: str) -> str:
    return f"{owner[:_MAX_PREFIX]}-{tail}"


def number_of(revision: Mapping[str, Any]) -> int:
    return revision.get("revision", 0)


def ordered(revisions: Iterable[Obj]) -> list[Obj]:
    """From the oldest to the newest: by number, then by age, then by name."""
    return sorted(
        revisions,
        key=lambda r: (
            number_of(r),
            r["metadata"].get("creationTimestamp", ""),
            r["metadata"]["name"],
        ),
    )


def next_number(revisions: Iterable[Obj]) -> int:
    return max((number_of(r) for r in revisions), default=0) + 1


def new(
    resource: Resource,
    owner: Obj,
    *,
    data: Obj,
    number: int,
    collisions: int,
    hash_label: str = HASH_LABEL,
) -> Obj:
    """A revision of `owner`, named after its contents.

    It has the labels of the template (not the owner's) and the owner's annotations.
    """
    tail = digest(data, collisions)
    template = data["spec"]["template"]
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    labels[hash_label] = tail
    metadata: Obj = {
        "name": name_for(owner["metadata"]["name"], tail),
        "namespace": owner["metadata"]["namespace"],
        "labels": labels,
        "ownerReferences": [owners.controller_ref(resource, owner)],
    }
    annotations = objects.annotations_of(owner)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Keep:
    """The newest revision is that of the present template."""

    revision: Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Raise:
    """An older revision is that of the present template: it becomes the newest."""

    revision: Obj
    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class Create:
    """No revision has the present template."""

    data: Obj
    number: int


def plan(revisions: Sequence[Obj], template: Mapping[str, Any]) -> Keep | Raise | Create:
    """What to do so that the newest revision is that of `template`.

    With revisions 1 (image a), 2 (image b) and the template

    - b: keep 2
    - a: raise 1 to 3 (a rollback)
    - c: create 3
    """
    history = ordered(revisions)
    data = data_of(template)
    equal = [r for r in history if r.get("data") == data]
    if not equal:
        return Create(data, next_number(history))
    if equal[-1].get("data") == history[-1].get("data"):
        return Keep(history[-1])
    return Raise(equal[-1], next_number(history))


def surplus(revisions: Iterable[Obj], *, live: Iterable[str], limit: int) -> list[Obj]:
    """The revisions to delete so that at most `limit` stay besides those named in `live`.

    With revisions a, b, c, d in this order, d live, and a limit of 1: a and b.
    """
    kept = dict.fromkeys(live)
    history = [r for r in ordered(revisions) if r["metadata"]["name"] not in kept]
    if limit < 0 or len(history) <= limit:
        return []
    return history[: len(history) - limit]
