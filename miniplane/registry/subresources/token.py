"""serviceaccounts/token: a token by which somebody is the service account for a while.

Follows pkg/registry/core/serviceaccount/storage/token.go.
"""

from typing import Any

from miniplane.api import decode, errors, field, fieldset, rbac, resources, validation
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.clock import format_time
from miniplane.registry import catalog, incoming
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.subresources.admitting import posted

GROUP = "authentication.k8s.io"
KIND = "TokenRequest"
DEFINITION = "io.k8s.api.authentication.v1.TokenRequest"
LIFETIME = 3600
"""How long a token is good when nobody says, in seconds."""
WATCHED = 3607
"""What kubelets ask for. Old clients never read such a token again, so it is good for longer."""
LONGEST = 365 * 24 * 3600


def create(
    context: Context, resource: Resource, namespace: str, name: str, raw: Any, options: WriteOptions
) -> Result:
    """POST serviceaccounts/NAME/token. Nothing is stored: the answer is the only copy."""
    warnings: list[str] = []
    request, unknown = decode.decode(DEFINITION, raw)
    if unknown:
        incoming.report(resource, unknown, options, warnings)
    metadata, spec = request["metadata"], request["spec"]
    spec.setdefault("expirationSeconds", LIFETIME)
    _own(request, options, context.clock.rfc3339())
    for key, there, text in (("name", name, "name"), ("namespace", namespace, "namespace")):
        if metadata.get(key, there) != there:
            detail = f"must match the service account {text} if specified"
            problem = field.invalid(f"metadata.{key}", metadata[key], detail)
            raise errors.invalid(GROUP, KIND, name, [problem])
    present = context.store.find(catalog.key(resource, namespace, name))
    if present is None:
        raise errors.not_found(resource, name)
    account = present.obj
    uid = account["metadata"]["uid"]
    if metadata.get("uid", uid) != uid:
        raise _conflict(
            f"{KIND}.{GROUP}",
            name,
            f"the UID in the token request ({metadata['uid']}) does not match the UID of the "
            f"service account ({uid})",
        )
    posted(context, resource, namespace, name, "token", request, options, warnings)
    metadata, spec = request["metadata"], request["spec"]
    now = context.clock.time()
    metadata |= {"name": name, "namespace": namespace, "uid": uid}
    metadata["creationTimestamp"] = context.clock.rfc3339()
    spec["audiences"] = spec.get("audiences") or [context.tokens.issuer]
    problems = validation.token_request(request)
    if problems:
        raise errors.invalid(GROUP, KIND, "", problems)
    claims = _claims(context, account, spec, int(now))
    expires = format_time(now + spec["expirationSeconds"])
    request["status"] = {"token": context.tokens.sign(claims), "expirationTimestamp": expires}
    body = {"kind": KIND, "apiVersion": f"{GROUP}/v1", **request}
    return Result(present, warnings, created=True, status=body)


def _own(request: Obj, options: WriteOptions, now: str) -> None:
    spec = {key: value for key, value in request["spec"].items() if value is not None}
    managed = fieldset.update_managers(
        DEFINITION,
        api_version=f"{GROUP}/v1",
        old=None,
        new={"metadata": request["metadata"], "spec": spec},
        manager=options.field_manager,
        subresource="token",
        now=now,
    )
    if managed:
        request["metadata"]["managedFields"] = managed


def _claims(context: Context, account: Obj, spec: Obj, now: int) -> Obj:
    metadata = account["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    seconds, audiences = spec["expirationSeconds"], spec["audiences"]
    private: Obj = {"namespace": namespace, "serviceaccount": _ref(account)}
    bound = spec.get("boundObjectRef")
    if bound is not None:
        private |= _bound(context, bound, namespace, name)
    if "pod" in private and seconds == WATCHED and audiences == [context.tokens.issuer]:
        private["warnafter"] = now + seconds
        seconds = LONGEST
    return {
        "sub": rbac.service_account_name(namespace, name),
        "aud": audiences,
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
        "jti": context.ids.uid(),
        "kubernetes.io": private,
    }


def _bound(context: Context, ref: Obj, namespace: str, account: str) -> Obj:
    """What a token says of the object that it is bound to: it is good while that is there."""
    kind, name = ref.get("kind", ""), ref.get("name", "")
    group, _, version = ref.get("apiVersion", "").rpartition("/")
    rows = {"Pod": resources.PODS, "Secret": resources.SECRETS, "Node": resources.NODES}
    row = rows.get(kind) if not group else None
    if row is None:
        full = f"{group}/{version}, Kind={kind}"
        raise errors.bad_request(f"cannot bind token to object of type {full}")
    found = context.find(row, namespace if row.namespaced else "", name)
    if found is None:
        raise errors.not_found(row, name)
    if kind == "Pod" and found["spec"].get("serviceAccountName") != account:
        raise errors.bad_request(
            f'cannot bind token for serviceaccount "{account}" to pod running with different '
            "serviceaccount name."
        )
    if ref.get("uid") and ref["uid"] != found["metadata"]["uid"]:
        raise _conflict(
            kind,
            name,
            f"the UID in the bound object reference ({ref['uid']}) does not match the UID in "
            "record. The object might have been deleted and then recreated",
        )
    claims: Obj = {kind.lower(): _ref(found)}
    if kind == "Pod" and (on := found["spec"].get("nodeName")):
        node = context.find(resources.NODES, "", on)
        claims["node"] = {"name": on} if node is None else _ref(node)
    return claims


def _ref(obj: Obj) -> Obj:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _conflict(kind: str, name: str, why: str) -> errors.StatusError:
    plural, _, group = kind.partition(".")
    details = {"name": name, **({"group": group} if group else {}), "kind": plural}
    message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
    return errors.StatusError(409, "Conflict", message, details)
