"""Figures for Prometheus, and the text form in which they are read.

See https://prometheus.io/docs/instrumenting/exposition_formats/. Nothing is counted here: whoever
counts makes families of what he has counted, when somebody asks.

>>> depth = gauge("workqueue_depth", "Keys that wait.", {(("name", "job"),): 2.0})
>>> print(exposition([depth]).decode(), end="")
# HELP workqueue_depth Keys that wait.
# TYPE workqueue_depth gauge
workqueue_depth{name="job"} 2
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order of the names."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """How many values were seen up to each bound, the last number for those above all of them."""

    bounds: Sequence[float]
    counts: Sequence[int]
    sum: float


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """All series of one name. `kind` is `counter`, `gauge` or `histogram`."""

    name: str
    kind: str
    help: str
    series: Mapping[Labels, float | Histogram]


Source = Callable[[], Iterable[Family]]


def counter(name: str, help: str, series: Mapping[Labels, float]) -> Family:
    return Family(name, "counter", help, series)


def gauge(name: str, help: str, series: Mapping[Labels, float]) -> Family:
    return Family(name, "gauge", help, series)


def histogram(name: str, help: str, series: Mapping[Labels, Histogram]) -> Family:
    return Family(name, "histogram", help, series)


def labels(**values: str) -> Labels:
    return tuple(sorted(values.items()))


def exposition(families: Iterable[Family]) -> bytes:
    """The families in the text form, those without a series left out."""
    lines: list[str] = []
    for family in sorted(families, key=lambda family: family.name):
        if family.series:
            lines.append(f"# HELP {family.name} {_escaped(family.help)}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            for where, value in sorted(family.series.items(), key=lambda item: item[0]):
                lines += _lines(family.name, where, value)
    return "\n".join((*lines, "")).encode()


def _lines(name: str, where: Labels, value: float | Histogram) -> Iterator[str]:
    if not isinstance(value, Histogram):
        yield f"{name}{_braces(where)} {_number(value)}"
        return
    seen = 0
    for bound, count in zip((*value.bounds, float("inf")), value.counts, strict=True):
        seen += count
        yield f"{name}_bucket{_braces((*where, ('le', _number(bound))))} {seen}"
    yield f"{name}_sum{_braces(where)} {_number(value.sum)}"
    yield f"{name}_count{_braces(where)} {seen}"


def _braces(where: Labels) -> str:
    inner = ",".join(f'{name}="{_quoted(value)}"' for name, value in where)
    return f"{{{inner}}}" if inner else ""


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
