"""Kinds that are questions: they are posted, answered in their status, and never stored."""

from collections.abc import Callable
from typing import Any

from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.reviews import access, identity

Create = Callable[[Context, Resource, str, Any, WriteOptions], Result]

CREATE: dict[str, Create] = {
    "selfsubjectreviews": identity.self_subject_review,
    "tokenreviews": identity.token_review,
    "localsubjectaccessreviews": access.subject_access_review,
    "subjectaccessreviews": access.subject_access_review,
    "selfsubjectaccessreviews": access.self_subject_access_review,
    "selfsubjectrulesreviews": access.self_subject_rules_review,
}
"""By plural name: the names are those of two groups that have nothing else."""
