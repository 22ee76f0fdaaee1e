"""The parameters of API operations: https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/."""

from typing import Any

READ = ("pretty",)
WRITE = ("dryRun", "fieldManager", "fieldValidation", "pretty")
PATCH = (*WRITE, "force")
SELECT = (
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "shardSelector",
    "timeoutSeconds",
)
LIST = (*SELECT, "allowWatchBookmarks", "pretty", "watch")
DELETE = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "pretty",
    "propagationPolicy",
)
DELETE_COLLECTION = (*SELECT, *DELETE)

_STREAMS = ("container", "stderr", "stdin", "stdout", "tty")
LOG = (
    "container",
    "follow",
    "insecureSkipTLSVerifyBackend",
    "limitBytes",
    "pretty",
    "previous",
    "sinceSeconds",
    "stream",
    "tailLines",
    "timestamps",
)
CONNECT: dict[str, tuple[str, ...]] = {
    "attach": _STREAMS,
    "exec": ("command", *_STREAMS),
    "portforward": ("ports",),
    "proxy": ("path",),
}
"""Query parameters of the subresources that open a connection."""

_QUERY: dict[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "Whether a watch may send BOOKMARK events."),
    "command": ("string", "The command to run with its arguments; it is not run by a shell."),
    "container": ("string", "The container in question; may be left out if there is only one."),
    "continue": ("string", "The continue token of the list answer before: asks for what follows."),
    "dryRun": ("string", "`All`: go through every step but do not store anything."),
    "fieldManager": (
        "string",
        "Who makes the change, for field ownership; at most 128 characters.",
    ),
    "fieldSelector": ("string", "Only objects whose fields match this selector."),
    "fieldValidation": (
        "string",
        "What to do about unknown and duplicate fields: `Ignore`, `Warn` or `Strict`.",
    ),
    "follow": ("boolean", "Whether to go on sending the log as it grows."),
    "force": ("boolean", "For apply patches: take fields over from their owners on conflict."),
    "gracePeriodSeconds": (
        "integer",
        "Seconds until the object is gone; 0 deletes it at once, without it the kind's default.",
    ),
    "ignoreStoreReadErrorWithClusterBreakingPotential": (
        "boolean",
        "Delete the object even if what is stored of it cannot be read. Dangerous.",
    ),
    "insecureSkipTLSVerifyBackend": (
        "boolean",
        "Do not verify the certificate of the kubelet that the log comes from.",
    ),
    "labelSelector": ("string", "Only objects whose labels match this selector."),
    "limit": ("integer", "The most objects in one answer; `continue` in it asks for more."),
    "limitBytes": ("integer", "The most bytes of the log to send."),
    "orphanDependents": ("boolean", "Deprecated: use propagationPolicy."),
    "path": ("string", "The part of the URL that is passed on."),
    "ports": ("integer", "The ports to forward; needed with WebSockets."),
    "pretty": ("string", "`true`: write the answer with line breaks and indentation."),
    "previous": ("boolean", "Whether to send the log of the container's previous run."),
    "propagationPolicy": (
        "string",
        "What becomes of dependents: `Orphan`, `Background` or `Foreground`.",
    ),
    "resourceVersion": ("string", "Which state to read, or where a watch starts."),
    "resourceVersionMatch": (
        "string",
        "How resourceVersion is meant in lists: `Exact` or `NotOlderThan`.",
    ),
    "sendInitialEvents": (
        "boolean",
        "Whether a watch starts with all existing objects and a bookmark after them.",
    ),
    "shardSelector": ("string", "Only the objects of one shard."),
    "sinceSeconds": ("integer", "Only what was logged in the last so many seconds."),
    "stderr": ("boolean", "Whether to pass on the standard error stream."),
    "stdin": ("boolean", "Whether to pass on the standard input stream."),
    "stdout": ("boolean", "Whether to pass on the standard output stream."),
    "stream": ("string", "Which stream to send: `All`, `Stdout` or `Stderr`."),
    "tailLines": ("integer", "How many lines to send from the end of the log."),
    "timeoutSeconds": ("integer", "After how many seconds a list or watch ends."),
    "timestamps": ("boolean", "Whether each line starts with its time."),
    "tty": ("boolean", "Whether the streams are a terminal's."),
    "watch": ("boolean", "Watch for changes instead of listing."),
}


def parameter(name: str, where: str, kind: str, *, v2: bool) -> dict[str, Any]:
    """One parameter as OpenAPI shows it. `where` is `path` or `query`, `kind` the object's kind."""
    if where == "path":
        texts = {
            "name": f"name of the {kind}",
            "namespace": "object name and auth scope, such as for teams and projects",
            "path": "path to the resource",
        }
        type_, text = "string", texts[name]
    else:
        type_, text = _QUERY[name]
    out: dict[str, Any] = {"name": name, "in": where, "description": text}
    if where == "path":
        out["required"] = True
    if v2:
        return {**out, "type": type_, "uniqueItems": True}
    return {**out, "schema": {"type": type_, "uniqueItems": True}}
