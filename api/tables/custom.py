"""The tables of custom resources, from the `additionalPrinterColumns` of their definition.

Follows apiextensions-apiserver's `pkg/registry/customresource/tableconvertor`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from miniplane.api import durations
from miniplane.api.objects import Obj
from miniplane.api.tables import jsonpath, parts
from miniplane.api.tables.model import AGE_DATE, NAME, Column, Printer


def printer(printer_columns: Iterable[Mapping[str, Any]] | None) -> Printer:
    """The printer for a version's `additionalPrinterColumns`; without any, name and age.

    A column whose JSON path cannot be read stays empty: validation refuses such definitions.
    """
    columns = [NAME]
    readers: list[Callable[[Obj, float], Any]] = []
    for spec in printer_columns or ():
        kind, path = parts.text(spec, "type"), parts.text(spec, "jsonPath")
        columns.append(
            Column(
                parts.text(spec, "name"),
                kind,
                parts.text(spec, "description")
                or f"Custom resource definition column (in JSONPath format): {path}",
                parts.number(spec, "priority"),
                parts.text(spec, "format"),
            )
        )
        readers.append(_reader(kind, path))
    if not readers:
        return Printer((NAME, AGE_DATE), _name_and_age)

    def cells(obj: Obj, now: float) -> list[Any]:
        return [parts.name(obj), *(read(obj, now) for read in readers)]

    return Printer(tuple(columns), cells)


def _name_and_age(obj: Obj, now: float) -> list[Any]:
    return [parts.name(obj), parts.age(obj, now)]


def _reader(kind: str, path: str) -> Callable[[Obj, float], Any]:
    try:
        steps = jsonpath.compile_path(path)
    except jsonpath.PathError:
        return lambda obj, now: None

    def read(obj: Obj, now: float) -> Any:
        found = jsonpath.find(steps, obj)
        return _cell(kind, found[0], now) if found else None

    return read


def _cell(kind: str, value: Any, now: float) -> Any:
    """A value in a column's type, or None where it does not fit."""
    if kind == "string":
        return _printed(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "date":
        if not isinstance(value, str):
            return None
        if not value:
            return parts.UNKNOWN
        moment = durations.parse_time(value)
        return "<invalid>" if moment is None else durations.human(now - moment)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if kind == "integer":
        return int(value)
    return value if kind == "number" else None


def _printed(value: Any) -> str:
    """A value as a JSONPath template prints it: scalars plainly, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value)
