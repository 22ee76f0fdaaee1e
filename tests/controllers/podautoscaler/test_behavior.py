"""How fast replicas come and go."""

import pytest

from miniplane.controllers.podautoscaler.behavior import History, normalize

RULES = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    },
}


def sized(history, *, now, current, wanted, behavior=None, least=1, most=100):
    size, conditions = normalize(
        history, now=now, current=current, wanted=wanted, least=least, most=most, behavior=behavior
    )
    return size, [(status, reason) for _, status, reason, _ in conditions]


READY, LIMITED, FREE = ("True", "ReadyForNewScale"), "True", "False"
IN_RANGE = ("False", "DesiredWithinRange")


@pytest.mark.parametrize(
    ("current", "wanted", "size", "limit"),
    [
        (3, 5, 5, IN_RANGE),
        (1, 9, 4, ("True", "ScaleUpLimit")),
        (5, 50, 10, ("True", "ScaleUpLimit")),
        (8, 50, 12, ("True", "TooManyReplicas")),
        (5, 1, 2, ("True", "TooFewReplicas")),
    ],
)
def test_without_rules(current, wanted, size, limit):
    history = History()
    found = sized(history, now=0, current=current, wanted=wanted, least=2, most=12)
    assert found == (size, [READY, limit])


def test_without_rules_the_highest_of_five_minutes_counts():
    history = History()
    assert sized(history, now=0, current=8, wanted=8)[0] == 8
    size, conditions = sized(history, now=299, current=8, wanted=3)
    assert (size, conditions[0]) == (8, ("True", "ScaleDownStabilized"))
    assert sized(history, now=301, current=8, wanted=3) == (3, [READY, IN_RANGE])


@pytest.mark.parametrize("behavior", [None, RULES])
def test_the_default_rules_double_or_add_four(behavior):
    for current, size in ((1, 4 if behavior is None else 5), (3, 6 if behavior is None else 7)):
        assert sized(History(), now=0, current=current, wanted=90, behavior=behavior)[0] == size
    assert sized(History(), now=0, current=10, wanted=90, behavior=behavior)[0] == 20


def test_rules_look_at_what_was_done_in_their_period():
    history = History()
    behavior = {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Min",
            "policies": [
                {"type": "Pods", "value": 2, "periodSeconds": 60},
                {"type": "Percent", "value": 300, "periodSeconds": 60},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
        },
    }

    def step(now, current, wanted):
        size, conditions = sized(
            history, now=now, current=current, wanted=wanted, behavior=behavior
        )
        if size != current:
            history.scaled(now, current, size, behavior)
        return size, conditions[1][1]

    assert step(0, 2, 9) == (4, "ScaleUpLimit")
    assert step(30, 4, 9) == (4, "ScaleUpLimit")
    assert step(61, 4, 9) == (6, "ScaleUpLimit")
    # The two that came in this period may go again, and one more.
    assert step(90, 6, 1) == (3, "ScaleDownLimit")
    assert step(100, 3, 1) == (3, "ScaleDownLimit")


def test_a_direction_can_be_switched_off():
    behavior = RULES | {"scaleUp": RULES["scaleUp"] | {"selectPolicy": "Disabled"}}
    found = sized(History(), now=0, current=3, wanted=9, behavior=behavior)
    assert found == (3, [READY, ("True", "ScaleUpLimit")])


def test_windows_in_both_directions():
    behavior = RULES | {"scaleUp": RULES["scaleUp"] | {"stabilizationWindowSeconds": 60}}
    history = History(recommendations=[(0.0, 3)])
    size, conditions = sized(history, now=30, current=3, wanted=5, behavior=behavior)
    assert (size, conditions[0]) == (3, ("True", "ScaleUpStabilized"))
    assert sized(history, now=91, current=3, wanted=5, behavior=behavior)[0] == 5
    size, conditions = sized(history, now=120, current=5, wanted=1, behavior=behavior)
    assert (size, conditions[0]) == (5, ("True", "ScaleDownStabilized"))
    assert sized(history, now=500, current=5, wanted=1, behavior=behavior)[0] == 1
