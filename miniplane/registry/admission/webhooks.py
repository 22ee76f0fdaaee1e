"""MutatingAdmissionWebhook and ValidatingAdmissionWebhook.

After `pkg/admission/plugin/webhook` of apiserver. Nothing is called from here: a webhook that has
not answered yet ends the attempt with `Unanswered`, see `miniplane.registry.asking`. Mutating
webhooks are asked one after the other, validating ones all at once.
"""

from typing import Any

import orjson

from miniplane.api import decode, errors, patch, resources
from miniplane.api.admission.matching import Request, first_match
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.registry import incoming
from miniplane.registry.admission import conditions, requests, reviews
from miniplane.registry.admission.attributes import Attributes, Reinvocation
from miniplane.registry.admission.conditions import Question as Asked
from miniplane.registry.admission.extensions import Hook
from miniplane.registry.admission.reviews import Malformed, Verdict
from miniplane.registry.asking import CHANGES, Question, Unanswered

_HARMLESS = ("None", "NoneOnDryRun")
_HEAD = ("kind", "apiVersion")


class CallFailed(Exception):
    """A webhook that could not be asked, or gave no proper answer. The failure policy decides."""


def mutating_webhooks(attributes: Attributes) -> None:
    context = attributes.context
    if context.extensions.idle or context.exempt or requests.is_exempt(attributes):
        return
    hooks = context.extensions.mutating_hooks
    second = attributes.reinvocation is not None and attributes.reinvocation.second
    if attributes.reinvocation is not None and second:
        attributes.reinvocation.look(attributes.obj)
    for hook in hooks:
        request = _called(attributes, hook)
        if request is None:
            continue
        if attributes.reinvocation is None:
            attributes.reinvocation = Reinvocation()
        state = attributes.reinvocation
        if second and hook.uid not in state.due:
            continue
        try:
            question = _question(attributes, hook, request, "second" if second else "first")
            _check_answered(attributes, [question])
            changed = _apply(attributes, request, hook, _verdict(attributes, question, hook, True))
        except CallFailed as error:
            _give_way(hook, error)
            continue
        if changed:
            state.changed()
        if hook.obj.get("reinvocationPolicy") == "IfNeeded":
            state.willing[hook.uid] = None


def validating_webhooks(attributes: Attributes) -> None:
    context = attributes.context
    if context.extensions.idle or context.exempt or requests.is_exempt(attributes):
        return
    due: list[tuple[Hook, Question | StatusError]] = []
    for hook in context.extensions.validating_hooks:
        request = _called(attributes, hook)
        if request is None:
            continue
        try:
            due.append((hook, _question(attributes, hook, request, "validating")))
        except StatusError as error:
            due.append((hook, error))
        except CallFailed as failure:
            _give_way(hook, failure)
    _check_answered(attributes, [question for _, question in due if type(question) is Question])
    refused: StatusError | None = None
    for hook, question in due:
        if isinstance(question, StatusError):
            refused = refused or question
            continue
        try:
            _verdict(attributes, question, hook, False)
        except CallFailed as failure:
            try:
                _give_way(hook, failure)
            except StatusError as error:
                refused = refused or error
        except StatusError as error:
            refused = refused or error
    if refused is not None:
        raise refused


def _called(attributes: Attributes, hook: Hook) -> Request | None:
    """The request as the rules of a webhook know it; None where it is not to be called."""
    seen = requests.matched(attributes)
    obj = hook.obj
    request = first_match(
        obj.get("rules") or (),
        seen,
        requests.equivalents(attributes, seen),
        obj.get("matchPolicy") or "Equivalent",
    )
    if request is None or not requests.selected(attributes, seen, obj):
        return None
    wanted = obj.get("matchConditions")
    if wanted:
        asked = Asked(attributes, request)
        try:
            if not conditions.met(wanted, asked, hook.compiled, hook.failure_policy):
                return None
        except conditions.Failed as error:
            raise errors.forbidden(attributes.resource, attributes.name, str(error)) from None
    return request


def _question(attributes: Attributes, hook: Hook, request: Request, turn: str) -> Question:
    """StatusError where a dry run may not come to this webhook, CallFailed for one that cannot be
    asked."""
    if attributes.options.dry_run and hook.obj.get("sideEffects") not in _HARMLESS:
        raise errors.bad_request(f'admission webhook "{hook.name}" does not support dry run')
    version = reviews.version_of(hook.obj)
    if not version:
        raise CallFailed(
            "could not create admission objects: webhook does not accept known AdmissionReview "
            "versions (v1, v1beta1)"
        )
    timeout = hook.obj.get("timeoutSeconds") or 10
    called = "" if attributes.operation != "DELETE" else _place(attributes)
    return target(
        attributes.context,
        hook.obj.get("clientConfig") or {},
        (hook.uid, turn, called),
        reviews.body(attributes, request, version),
        timeout,
    )


def _place(attributes: Attributes) -> str:
    """Of a collection's deletion, each object is a request of its own."""
    metadata = (attributes.old or {}).get("metadata") or {}
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"


def target(
    context: Any, config: Obj, key: tuple[str, ...], body: bytes, timeout: float
) -> Question:
    """A question to whom a `WebhookClientConfig` names.

    Services carry no traffic here: one is reached where the configuration says where its server
    listens, and nobody answers for the others.
    """
    ca_bundle = config.get("caBundle") or ""
    if config.get("url"):
        return Question(key, body, config["url"], config["url"], ca_bundle, timeout=timeout)
    service = config.get("service") or {}
    namespace, name = service.get("namespace") or "", service.get("name") or ""
    port, path = service.get("port") or 443, service.get("path") or ""
    path = "/" + path.lstrip("/") if path else ""
    host = f"{name}.{namespace}.svc"
    url = f"https://{host}:{port}{path}"
    address = context.config.webhook_services.get(f"{namespace}/{name}", "")
    if address:
        return Question(
            key, body, url, address.rstrip("/") + path, ca_bundle, host, timeout=timeout
        )
    found = context.find(resources.SERVICES, namespace, name)
    if found is None:
        problem = f'service "{name}" not found'
    else:
        ip = (found.get("spec") or {}).get("clusterIP") or ""
        if ip in ("", "None"):
            problem = f'cannot route to service with ClusterIP "{ip}"'
        else:
            problem = f"dial tcp {ip}:{port}: connect: connection refused"
    return Question(key, body, url, timeout=timeout, problem=problem)


def _check_answered(attributes: Attributes, questions: list[Question]) -> None:
    session = attributes.context.session
    if session is None:
        open_ones = questions
    else:
        open_ones = [question for question in questions if session.answer(question) is None]
        if open_ones and session.changes >= CHANGES:
            raise errors.stale_revision(attributes.resource, attributes.name)
    if open_ones:
        raise Unanswered(open_ones)


def _verdict(attributes: Attributes, question: Question, hook: Hook, mutating: bool) -> Verdict:
    """StatusError for a refusal, CallFailed where there is no proper answer."""
    session = attributes.context.session
    answer = session.answer(question) if session is not None else None
    assert answer is not None, "whoever reads answers has seen to it that there are some"
    if answer.failure:
        raise CallFailed(f"failed to call webhook: {answer.failure}")
    try:
        found = reviews.verdict(
            answer.document,
            reviews.version_of(hook.obj),
            uid=answer.uid,
            mutating=mutating,
        )
    except Malformed as error:
        raise CallFailed(f"received invalid webhook response: {error}") from None
    attributes.warnings.extend(found.warnings)
    if not found.allowed:
        raise reviews.rejection(hook.name, found.status)
    return found


def _give_way(hook: Hook, error: CallFailed) -> None:
    """Go on without a webhook that failed, if it allows that; else an InternalError."""
    if hook.failure_policy != "Ignore":
        raise errors.internal_error(f'failed calling webhook "{hook.name}": {error}') from None


def _apply(attributes: Attributes, request: Request, hook: Hook, found: Verdict) -> bool:
    """Change the object as a webhook wants it; tells whether that changed anything."""
    if not found.patch:
        return False
    try:
        operations = orjson.loads(found.patch)
    except orjson.JSONDecodeError as error:
        raise CallFailed(f"received undecodable patch in webhook response: {error}") from None
    if operations in ([], None):
        return False
    if attributes.operation == "DELETE":
        raise errors.internal_error(
            f'admission webhook "{hook.name}" attempted to modify the object, which is not '
            "supported for this operation"
        )
    row = requests.row_of(attributes, request)
    before = requests.in_form(attributes, attributes.obj, row)
    assert before is not None
    try:
        after = patch.json_patch(before, operations, field_validation="Ignore")
    except StatusError as error:
        raise errors.internal_error(error.message) from None
    return put(attributes, row, before, after)


def put(attributes: Attributes, row: resources.Resource, before: Obj, after: Obj) -> bool:
    """Put what has become of an object in its place; `after` is in the form of `row`."""
    if attributes.subresource == "scale":
        from miniplane.registry import scale  # which writes, and so knows of admission

        replicas = (after.get("spec") or {}).get("replicas") or 0
        if replicas == (before.get("spec") or {}).get("replicas", 0):
            return False
        changed = scale.scaled(attributes.resource, attributes.obj, replicas)
    elif attributes.part:
        changed = after
    else:
        changed = _decoded(attributes, row, after)
    changed = _headless(changed)
    for key in _HEAD:
        if key in attributes.obj:
            changed[key] = attributes.obj[key]
    if changed == attributes.obj:
        return False
    attributes.obj.clear()
    attributes.obj.update(changed)
    return True


def _headless(obj: Obj) -> Obj:
    return {key: value for key, value in obj.items() if key not in _HEAD}


def _decoded(attributes: Attributes, row: resources.Resource, after: Obj) -> Obj:
    """A patched object, of the right types and with defaults, in the request's own version."""
    from miniplane.api import conversion

    resource = attributes.resource
    try:
        found, _ = incoming.typed(row, after)
    except decode.TypeMismatch as mismatch:
        raise errors.internal_error(str(mismatch.cause)) from None
    metadata = found.setdefault("metadata", {})
    incoming.complete(row, found, None)
    if row is not resource:
        found = conversion.from_storage(resource, conversion.to_storage(row, found))
        metadata = found["metadata"]
    for key in ("managedFields", "namespace"):
        if key in attributes.obj["metadata"]:
            metadata.setdefault(key, attributes.obj["metadata"][key])
    return found
