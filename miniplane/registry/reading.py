"""GET and LIST: consistent reads, at the latest or at an earlier revision.

Semantics of resourceVersion as in
https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions.
"""

from typing import Any

from miniplane.api import errors
from miniplane.api.options import ListOptions
from miniplane.api.resources import Resource
from miniplane.registry import catalog, components, continuation
from miniplane.registry.context import Context
from miniplane.registry.filters import Filter
from miniplane.registry.forms import served
from miniplane.registry.results import ListResult
from miniplane.registry.stored import Stored
from miniplane.store.errors import Compacted, FutureRevision


def get(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    *,
    resource_version: str = "",
) -> Stored:
    """One object."""
    if resource_version:
        check_not_future(context, parse_revision(resource_version))
    if not resource.stored:
        return computed(resource).get(context, resource, namespace, name)
    stored = context.store.find(catalog.key(resource, namespace, name))
    if stored is None:
        raise errors.not_found(resource, name)
    return stored if stored.resource is resource else served(stored, resource)


def computed(resource: Resource) -> Any:
    """The module that makes the objects of a resource that has none in the store."""
    if resource.custom is None:
        return components
    from miniplane.registry import resourcemetrics

    return resourcemetrics


def parse_revision(text: str, *, wrapped: bool = False) -> int:
    """A resourceVersion as a number, 0 for an empty one."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        why = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax"
        )
        if wrapped:
            raise errors.bad_request(f"invalid resource version: {why}")
        raise errors.StatusError(500, "", why)
    return int(text)


def check_not_future(context: Context, revision: int) -> None:
    if revision > context.store.revision:
        raise errors.too_large_revision(revision, context.store.revision)


def list_objects(
    context: Context, resource: Resource, namespace: str, options: ListOptions
) -> ListResult:
    """A list, or one page of it."""
    store = context.store
    chosen = Filter.parse(resource, options)
    if not resource.stored:
        made = computed(resource).list_(context, resource, namespace)
        items = [s for s in made if chosen.matches(s)]
        return ListResult(resource, items, store.revision)
    prefix = catalog.prefix(resource, namespace if resource.namespaced else "")
    start = ""
    # "Any version will do" is answered from the cache of a real server, which knows no pages.
    # Nor does a list of one name, where that leads to one key.
    limit = options.limit
    if not options.continue_ and (
        options.resource_version == "0" or _one_key(chosen, resource, namespace)
    ):
        limit = 0
    asked = parse_revision(options.resource_version, wrapped=True)
    if options.continue_:
        revision, start = continuation.read(options.continue_, prefix)
        if asked:
            raise errors.bad_request(
                "specifying resource version is not allowed when using continue"
            )
        exact = revision > 0
        if not exact:
            revision = store.revision
    else:
        check_not_future(context, asked)
        exact = options.resource_version_match == "Exact" or (
            limit > 0 and asked > 0 and not options.resource_version_match
        )
        revision = asked if exact else store.revision

    if not exact and not start and limit <= 0:
        items = store.range(prefix)
        if not chosen.everything:
            items = [s for s in items if chosen.matches(served(s, resource))]
        items = _as_served(items, resource)
        return ListResult(resource, items, store.revision, cache=context.joined)

    try:
        entries = (
            store.range_items_at(prefix, revision, start=start)
            if exact
            else store.range_items(prefix, start=start)
        )
    except FutureRevision:
        raise errors.too_large_revision(revision, store.revision) from None
    except Compacted:
        raise _expired(context, options, start, prefix) from None
    page: list[Stored] = []
    for index, (key, stored) in enumerate(entries):
        if limit > 0 and len(page) == limit:
            remaining = len(entries) - index if chosen.everything else None
            token = continuation.make(revision, key, prefix)
            return ListResult(resource, _as_served(page, resource), revision, token, remaining)
        if chosen.everything or chosen.matches(served(stored, resource)):
            page.append(stored)
    return ListResult(resource, _as_served(page, resource), revision)


def _one_key(chosen: Filter, resource: Resource, namespace: str) -> bool:
    if chosen.fields is None or (resource.namespaced and not namespace):
        return False
    return chosen.fields.exact("metadata.name") is not None


def _as_served(items: list[Stored], resource: Resource) -> list[Stored]:
    if not items or (items[0].resource is resource and resource.custom is None):
        return items
    return [served(stored, resource) for stored in items]


def _expired(context: Context, options: ListOptions, start: str, prefix: str) -> errors.StatusError:
    if not options.continue_:
        return errors.expired("The resourceVersion for the provided list is too old.")
    error = errors.expired(
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted "
        "between the time the first chunk was returned and now may show up in the list."
    )
    error.metadata = {"continue": continuation.make(-1, start, prefix)}
    return error
