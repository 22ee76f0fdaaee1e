"""What the tests of validation share: right objects, and what is said when one is changed."""

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from miniplane.api import decode, defaults, resources, validation
from miniplane.api.resources import Resource

SAMPLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("samples.yaml").read_text())
REMOVED = "(removed)"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def changed(obj: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `obj` with some fields set, as `{"spec.containers[0].name": "a"}`."""
    obj = copy.deepcopy(obj)
    for path, value in changes.items():
        steps: list[Any] = [
            key if key else int(index) for key, index in _STEP.findall(path.replace("~", "\0"))
        ]
        steps = [s.replace("\0", ".") if isinstance(s, str) else s for s in steps]
        place: Any = obj
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value == REMOVED:
            del place[steps[-1]]
        elif isinstance(place, list) and steps[-1] == len(place):
            place.append(value)
        else:
            place[steps[-1]] = value
    return obj


def received(obj: dict[str, Any]) -> tuple[Resource, dict[str, Any]]:
    """An object as validation gets it: decoded, and with its defaults set."""
    resource = resources.of_kind(obj["apiVersion"], obj["kind"])
    assert resource is not None
    decoded, unknown = decode.decode(resource.definition, obj)
    assert not unknown
    defaults.apply(resource, decoded)
    return resource, decoded


def said_of_new(name: str, changes: Mapping[str, Any]) -> list[str]:
    resource, obj = received(changed(SAMPLES[name], changes))
    before = copy.deepcopy(obj)
    errors = [str(error) for error in validation.create(resource, obj)]
    assert obj == before, "validation must not change what it looks at"
    return errors


def said_of_change(
    name: str, changes: Mapping[str, Any], old: Mapping[str, Any] | None = None, part: str = ""
) -> list[str]:
    stored = {"metadata.resourceVersion": "1", "metadata.uid": "u1"}
    base = changed(SAMPLES[name], {**stored, **(old or {})})
    resource, present = received(base)
    _, wanted = received(changed(base, changes))
    errors = validation.update(resource, wanted, present, subresource=part)
    return [str(error) for error in errors]


@pytest.fixture(name="said_of_new")
def _said_of_new() -> Callable[..., list[str]]:
    """`said_of_new(sample, changes)`: the errors of creating the changed sample."""
    return said_of_new


@pytest.fixture(name="said_of_change")
def _said_of_change() -> Callable[..., list[str]]:
    """`said_of_change(sample, changes, old, part)`: the errors of changing a stored sample."""
    return said_of_change


@pytest.fixture
def samples() -> dict[str, Any]:
    return copy.deepcopy(SAMPLES)
