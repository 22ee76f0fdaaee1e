"""The signers that kube-controller-manager runs, and what each of them takes.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
"""

from collections.abc import Sequence

from miniplane.api.certificates.requests import Request

GROUP = "certificates.k8s.io"
API_SERVER_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown"

NODES = "system:nodes"
NODE_PREFIX = "system:node:"
_SIGNATURE, _ENCIPHERMENT = "digital signature", "key encipherment"
_CLIENT, _SERVER = "client auth", "server auth"


def problem(signer: str, request: Request, usages: Sequence[str]) -> str | None:
    """Why a signer refuses a request, "" if it does not; None for a signer that is not ours."""
    if signer == API_SERVER_CLIENT:
        return _api_server_client(usages)
    if signer == KUBELET_CLIENT:
        return kubelet_client(request, usages)
    if signer == KUBELET_SERVING:
        return _kubelet_serving(request, usages)
    return None


def _api_server_client(usages: Sequence[str]) -> str:
    for usage in usages:
        if usage not in (_SIGNATURE, _ENCIPHERMENT, _CLIENT):
            return f"invalid usage for client certificate: {usage}"
    if _CLIENT not in usages:
        return f"missing required usage for client certificate: {_CLIENT}"
    return ""


def kubelet_client(request: Request, usages: Sequence[str]) -> str:
    """Why a request is not one for a kubelet's client certificate, "" if it is one."""
    if request.organizations != (NODES,):
        return f"subject organization is not {NODES}"
    for found, what in (
        (request.dns_names, "DNS"),
        (request.emails, "Email"),
        (request.addresses, "IP"),
        (request.uris, "URI"),
    ):
        if found:
            return f"{what} subjectAltNames are not allowed"
    if not request.common_name.startswith(NODE_PREFIX):
        return f"subject common name does not begin with {NODE_PREFIX}"
    return _usages(usages, _CLIENT)


def _kubelet_serving(request: Request, usages: Sequence[str]) -> str:
    if request.organizations != (NODES,):
        return f"subject organization is not {NODES}"
    if not request.dns_names and not request.addresses:
        return "DNS or IP subjectAltName is required"
    if request.emails:
        return "Email subjectAltNames are not allowed"
    if request.uris:
        return "URI subjectAltNames are not allowed"
    wrong = _usages(usages, _SERVER)
    if wrong:
        return wrong
    if not request.common_name.startswith(NODE_PREFIX):
        return f"subject common name does not begin with {NODE_PREFIX}"
    return ""


def _usages(usages: Sequence[str], purpose: str) -> str:
    given = sorted(dict.fromkeys(usages))
    # Keys that are not RSA have no use for encipherment.
    if given in (sorted([_SIGNATURE, purpose]), sorted([_SIGNATURE, _ENCIPHERMENT, purpose])):
        return ""
    return f"usages did not match [{' '.join(sorted([_SIGNATURE, _ENCIPHERMENT, purpose]))}]"
