"""YAML as go-yaml v2 and sigs.k8s.io/yaml read it: the YAML 1.1 of Kubernetes manifests.

Scalars resolve by go-yaml's rules, which differ from PyYAML's: `y` and `on` are booleans, `1:30`,
`2024-01-01` and `1e3` are strings, `010` is eight. Everything ends as JSON: keys become strings,
the first document counts.

The reader works on libyaml's events with a stack of its own, so that deep nesting cannot exhaust
the interpreter's, and counts what aliases expand to, so that a small document cannot grow huge.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any

import yaml

from miniplane.api.decode import gojson

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_NODES = 1_000_000
"""How many values a document may have once its aliases are written out."""

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE"), True),
    **dict.fromkeys(("on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE"), False),
    **dict.fromkeys(("off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INT = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
_FLOAT = re.compile(r"[-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+][0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?)")
_TAG = "tag:yaml.org,2002:"


class YAMLError(ValueError):
    """A document that cannot be read, in go-yaml's form: `yaml: line 3: ...`."""


def load(data: bytes) -> tuple[Any, list[str]]:
    """The first document as JSON-shaped data, and the strict reader's complaint if it has one."""
    builder = _Builder()
    loader = None
    try:
        loader = _Loader(data)
        builder.read(_events(loader))
    except yaml.YAMLError as error:
        raise YAMLError(_message(error)) from None
    except (UnicodeError, ValueError) as error:
        if isinstance(error, YAMLError):
            raise
        raise YAMLError("yaml: control characters are not allowed") from None
    finally:
        if loader is not None:
            loader.dispose()
    doubled = builder.doubled
    return builder.result, ["yaml: unmarshal errors:\n  " + "\n  ".join(doubled)] if doubled else []


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        event = loader.get_event()
        yield event
        if isinstance(event, yaml.DocumentEndEvent):
            return


def _message(error: yaml.YAMLError) -> str:
    """libyaml's complaint with the line that go-yaml would name: one earlier for the parser's."""
    if "not allowed" in str(error) and "character" in str(error):
        return "yaml: control characters are not allowed"
    problem = getattr(error, "problem", None) or "invalid document"
    marks = (getattr(error, name, None) for name in ("context_mark", "problem_mark"))
    line = next((mark.line for mark in marks if mark is not None and mark.line), 0)
    if line and isinstance(error, yaml.scanner.ScannerError):
        line += 1
    return f"yaml: line {line}: {problem}" if line else f"yaml: {problem}"


class _Frame:
    """A mapping or list under construction. `key` is the mapping's key that waits for a value."""

    __slots__ = ("anchor", "key", "line", "merges", "size", "value")

    def __init__(self, value: Any, anchor: str | None):
        self.value = value
        self.anchor = anchor
        self.key: Any = _NO_KEY
        self.line = 0
        self.merges: list[Any] = []
        self.size = 1


_NO_KEY = object()
_MERGE = object()


class _Builder:
    def __init__(self) -> None:
        self.result: Any = None
        self.doubled: list[str] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def read(self, events: Iterator[Any]) -> None:
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.ScalarEvent):
                value = _scalar(event, line)
                self._anchor(event.anchor, value, 1)
                self._add(value, 1, line)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self._anchors:
                    raise YAMLError(f"yaml: unknown anchor '{event.anchor}' referenced")
                self._add(*self._anchors[event.anchor], line)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._open(event, line)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._close()

    def _open(self, event: Any, line: int) -> None:
        if len(self._stack) >= gojson.MAX_DEPTH:
            raise YAMLError(f"yaml: line {line}: {gojson.TOO_DEEP}")
        parent = self._stack[-1] if self._stack else None
        if parent is not None and type(parent.value) is dict and parent.key is _NO_KEY:
            raise YAMLError(f"yaml: line {line}: invalid map key")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        frame = _Frame(value, event.anchor)
        frame.line = line
        self._stack.append(frame)

    def _close(self) -> None:
        frame = self._stack.pop()
        for merged in frame.merges:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        self._anchor(frame.anchor, frame.value, frame.size)
        self._add(frame.value, frame.size, frame.line)

    def _anchor(self, anchor: str | None, value: Any, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size)

    def _add(self, value: Any, size: int, line: int) -> None:
        """Puts a finished value where it belongs: a list item, a key, or a key's value."""
        if not self._stack:
            self.result = None if value is _MERGE else value
            return
        frame = self._stack[-1]
        frame.size += size
        if frame.size > MAX_NODES:
            raise YAMLError("yaml: document contains excessive aliasing")
        if type(frame.value) is list:
            frame.value.append("<<" if value is _MERGE else value)
        elif frame.key is _NO_KEY:
            frame.key = value if value is _MERGE else _json_key(value, line)
            if frame.key in frame.value:
                shown = f'"{frame.key}"' if isinstance(value, str) else frame.key
                self.doubled.append(f"line {line}: key {shown} already set in map")
        elif frame.key is _MERGE:
            frame.merges.extend(_merged(value, line))
            frame.key = _NO_KEY
        else:
            frame.value[frame.key] = "<<" if value is _MERGE else value
            frame.key = _NO_KEY


def _merged(value: Any, line: int) -> list[dict[str, Any]]:
    """The mappings that a merge key names; the earlier ones win."""
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in several):
        raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
    return [dict(one) for one in several]


def _json_key(value: Any, line: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise YAMLError(f"yaml: line {line}: unsupported map key")


def _scalar(event: Any, line: int) -> Any:
    """One scalar by its tag or, where it is plain and untagged, by its looks."""
    text: str = event.value
    tag: str | None = event.tag
    if tag in (None, "!") and not event.style and event.implicit[0]:
        return _plain(text)
    if tag in (None, "!", _TAG + "str"):
        return text
    if tag == _TAG + "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", errors="replace")
        except ValueError:
            raise YAMLError("yaml: !!binary value contains invalid base64 data") from None
    value = _plain(text)
    wanted = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
    kinds: Any = wanted.get((tag or "").removeprefix(_TAG))
    if kinds is not None and isinstance(value, kinds):
        return value
    if kinds is not None:
        raise YAMLError(f"yaml: line {line}: cannot decode !!str `{text[:10]}` as a {tag}")
    return text


def _plain(text: str) -> Any:
    if text in _WORDS:
        value = _WORDS[text]
        if isinstance(value, float):
            shown = "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
            raise YAMLError(f"json: unsupported value: {shown}")
        return value
    if text == "<<":
        return _MERGE
    if text[0] not in "+-.0123456789":
        return text
    plain = text.replace("_", "")
    found = _INT.fullmatch(plain)
    if found is not None:
        digits, base = next(
            (g, b) for g, b in zip(found.groups()[1:], (16, 2, 8, 10), strict=True) if g
        )
        if len(digits) <= 64:
            value = int(found[1] + digits, base)
            if -(1 << 63) <= value < 1 << 64:
                return value
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        if number in (float("inf"), float("-inf")):
            return text
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return text
