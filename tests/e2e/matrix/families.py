"""All forms, in the order of the page."""

from tests.e2e.matrix import creating, reading, starting
from tests.e2e.matrix.forms import Family

ALL = (
    Family("Reading", reading.FORMS),
    Family("Creating with generators", creating.FORMS),
    Family("Creating, running and exposing", starting.FORMS),
)
