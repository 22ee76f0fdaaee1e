"""What all reviews have in common: how they come in and how they go out."""

from typing import Any

from miniplane.api import errors, field, fieldset, validation
from miniplane.api.objects import Obj
from miniplane.api.options import User, WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import incoming
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.stored import seal


def decoded(
    context: Context,
    resource: Resource,
    namespace: str,
    raw: Any,
    options: WriteOptions,
    warnings: list[str],
) -> Obj:
    """The review that a client sent, with the fields that it set noted as its own."""
    obj = incoming.decoded(resource, raw, options, warnings)
    incoming.check_place(obj, resource, namespace, "")
    managed = fieldset.update_managers(
        resource.definition,
        api_version=resource.api_version,
        old=None,
        new=obj,
        manager=options.field_manager,
        subresource="",
        now=context.clock.rfc3339(),
    )
    if managed:
        obj["metadata"]["managedFields"] = managed
    return obj


def check(resource: Resource, obj: Obj) -> None:
    """StatusError 422 for a question that cannot be answered. It names no kind, as in real life."""
    problems = validation.create(resource, obj)
    given = {k for k in obj["metadata"] if k != "managedFields"}
    if resource.namespaced:
        given.discard("namespace")
    if given:
        text = "must be empty except for namespace" if resource.namespaced else "must be empty"
        problems.append(field.invalid("metadata", obj["metadata"], text))
    if problems:
        raise errors.invalid(resource.group, "", "", problems)


def answer(resource: Resource, obj: Obj, warnings: list[str]) -> Result:
    return Result(seal(resource, obj, 0), warnings, created=True)


def user_info(user: User) -> Obj:
    """A user as `UserInfo` shows him."""
    info: Obj = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra}
    return info
