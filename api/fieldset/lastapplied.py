"""The annotation in which client-side apply keeps its last configuration, and server-side apply.

Only for the field manager `kubectl`, so that people can go from one to the other and back: fields
that client-side apply set, and that still are as it set them, are no conflicts; and the annotation
is kept up to date where there is one. Follows apimachinery's `util/managedfields/internal`
(lastappliedmanager.go, lastappliedupdater.go).
"""

import json
from typing import Any

from miniplane.api.fieldset import sets
from miniplane.api.fieldset.sets import FieldSet
from miniplane.api.fieldset.tracker import Tracker
from miniplane.api.fieldset.typed import Mismatch, Type
from miniplane.api.fieldset.walk import Untrackable
from miniplane.api.objects import Obj

MANAGER = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATIONS_LIMIT = 256 * 1024
"""Bytes of all annotations of an object together."""


def allowed(of: Type, watch: Tracker, live: Obj | None, api_version: str) -> FieldSet | None:
    """The fields of the last client-side configuration that are in `live` as they were applied.

    None where there is no such configuration, or none that can be compared.
    """
    text = _annotation(live)
    if not text or live is None:
        return None
    try:
        last = json.loads(text)
        if not isinstance(last, dict) or last.get("apiVersion") != api_version:
            return None
        of.fields(live)
        fields = of.fields(last) or sets.LEAF
        changed, gone = watch.compare(last, live)
    except (ValueError, Mismatch, Untrackable, RecursionError):
        return None
    return sets.difference(sets.difference(fields, changed), gone)


def noted(obj: Obj | None, config: Obj) -> Obj | None:
    """`obj` with `config` in its annotation; None where it has no annotation, or that very one."""
    before = _annotation(obj)
    if not before or obj is None:
        return None
    text = _encoded(config)
    if text == before:
        return None
    annotations = {**obj["metadata"]["annotations"], ANNOTATION: text}
    size = sum(
        len(name.encode()) + len(value.encode())
        for name, value in annotations.items()
        if isinstance(value, str)
    )
    if size > ANNOTATIONS_LIMIT:
        del annotations[ANNOTATION]
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def _annotation(obj: Obj | None) -> str:
    annotations: Any = ((obj or {}).get("metadata") or {}).get("annotations")
    text = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
    return text if isinstance(text, str) else ""


def _encoded(config: Obj) -> str:
    """A configuration without the annotation itself, as compact JSON with sorted keys."""
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and "annotations" in metadata:
        metadata = dict(metadata)
        annotations = metadata.pop("annotations")
        if annotations is not None:
            kept = {name: value for name, value in annotations.items() if name != ANNOTATION}
            metadata["annotations"] = kept
        config = {**config, "metadata": metadata}
    text = json.dumps(config, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":
        if character in text:
            text = text.replace(character, f"\\u{ord(character):04x}")
    return text + "\n"
