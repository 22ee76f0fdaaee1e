"""All forms, in the order of the page."""

from tests.e2e.matrix import (
    access,
    applying,
    changing,
    cluster,
    creating,
    deleting,
    describing,
    nodes,
    pods,
    reading,
    rollouts,
    starting,
    waiting,
)
from tests.e2e.matrix.forms import Family

ALL = (
    Family("Reading", reading.FORMS),
    Family("Describing", describing.FORMS),
    Family("Creating with generators", creating.FORMS),
    Family("Creating, running and exposing", starting.FORMS),
    Family("Applying", applying.FORMS),
    Family("Changing", changing.FORMS),
    Family("Rolling out", rollouts.FORMS),
    Family("Waiting", waiting.FORMS),
    Family("Deleting", deleting.FORMS),
    Family("Nodes", nodes.FORMS),
    Family("Access", access.FORMS),
    Family("Inside pods", pods.FORMS),
    Family("The cluster", cluster.FORMS),
)
