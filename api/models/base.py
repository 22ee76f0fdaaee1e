"""What all models have in common."""

from typing import Any

import pydantic
from pydantic.alias_generators import to_camel

from miniplane.api.objects import Obj


class Model(pydantic.BaseModel):
    """A frozen view. `min_ready_seconds` here is `minReadySeconds` there.

    Raises pydantic.ValidationError for data that the API server would not have stored.
    """

    model_config = pydantic.ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
    )


class Status(Model):
    """A status that a controller writes: `to_obj` gives it as the API server shows it."""

    def to_obj(self, *always: str) -> Obj:
        """JSON-shaped; of the fields that are zero or empty, only those named in `always`."""
        out: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value or name in always:
                out[field.alias or name] = value
        return out
