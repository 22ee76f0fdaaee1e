"""What the tests of defaults share."""

import copy

import pytest
import yaml

from miniplane.api import defaults, resources


@pytest.fixture
def filled():
    """`filled("pods", "spec: {...}")`: the object, written in YAML, with its defaults set."""

    def fill(plural, text="{}", group="", version="v1"):
        obj = yaml.safe_load(text)
        resource = resources.resource(plural, group, version)
        defaults.apply(resource, obj)
        again = copy.deepcopy(obj)
        defaults.apply(resource, again)
        assert again == obj, "defaults must not build upon each other"
        return obj

    return fill
