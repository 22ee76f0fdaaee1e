"""What the parts of a pod have to know of the whole while they are checked."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class PodContext:
    """`volumes` are the good ones, `claims` the names of the pod's resource claims."""

    volumes: Mapping[str, Mapping[str, Any]]
    claims: tuple[str, ...]
    grace_period: int | None
    restart_policy: str
    host_users: bool
