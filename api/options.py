"""The options of requests, as values that the server, the client and the registry share."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """Who is asking. Over plain HTTP everybody is in `system:masters` unless he shows a token."""

    name: str = "kubernetes-admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What else is known of the user, by key: which pod a service account's token belongs to."""


ADMIN = User()


@dataclasses.dataclass(frozen=True, slots=True)
class WriteOptions:
    """Options of create, update and patch (`CreateOptions`, `UpdateOptions`, `PatchOptions`)."""

    field_manager: str = "unknown"
    dry_run: bool = False
    field_validation: str = "Warn"
    """`Strict`, `Warn` or `Ignore`."""
    force: bool = False
    """Only for apply patches."""
    user: User = ADMIN


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteOptions:
    """`DeleteOptions` of meta/v1. `uid` and `resource_version` are the preconditions."""

    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    """`Background`, `Foreground`, `Orphan` or None for the kind's default."""
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False
    user: User = ADMIN


@dataclasses.dataclass(frozen=True, slots=True)
class ListOptions:
    """`ListOptions` of meta/v1, for lists and for watches; strings as they came in the query."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None
    timeout_seconds: int | None = None


JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
