"""auth, certificate, and acting as somebody else."""

from tests.e2e.matrix import given
from tests.e2e.matrix.forms import Form

_ROLES = [given.role(), given.binding()]
_MANIFESTS = [given.placed(each) for each in _ROLES]
_JANE = given.signing_request("jane")
_REQUEST = "certificatesigningrequests/jane"


def _condition(kind: str):
    return {_REQUEST: {"status": {"conditions": [{"type": kind, "status": "True"}]}}}


_CAN_I = (
    Form(line="auth can-i create pods", prints="yes"),
    Form(line="auth can-i '*' '*'", prints="yes"),
    Form(line="auth can-i get /healthz", prints="yes"),
    Form(line="auth can-i get pods --subresource=log", prints="yes"),
    Form(line="auth can-i list pods --as=jane", given=_ROLES, prints="yes"),
    Form(line="auth can-i delete pods --as=jane", given=_ROLES, prints="no", exits=1),
    Form(line="auth can-i list pod/a --as=jane --quiet", prints="", exits=1),
    Form(
        line="auth can-i delete deployments.apps/web --as=jane --as-group=system:masters",
        prints="yes",
    ),
    Form(
        line="auth can-i delete nodes --as=jane",
        prints="no",
        complains="Warning: resource 'nodes' is not namespace scoped",
        exits=1,
    ),
    Form(
        line="auth can-i --list --as=jane",
        given=_ROLES,
        prints="Resources Non-Resource URLs Resource Names Verbs … pods [] [] [get list] …",
    ),
    Form(
        line="auth can-i --list --no-headers --as=system:serviceaccount:{ns}:default",
        prints="selfsubject… [] [] [create] …",
    ),
)

_WHO = (
    # 1.27 asks for beta versions, which Kubernetes 1.36 does not serve any more.
    Form(
        line="auth whoami",
        prints="ATTRIBUTE VALUE Username kubernetes-admin "
        "Groups [system:masters system:authenticated] …",
        since=28,
    ),
    Form(
        line="auth whoami --as=jane --as-group=ops -o jsonpath='{.status.userInfo.groups}'",
        prints='["ops","system:authenticated"]',
        since=28,
    ),
    Form(
        line="get pods --as=jane",
        prints="",
        complains='Error from server (Forbidden): pods is forbidden: User "jane" cannot list '
        'resource "pods" in API group "" in the namespace "{ns}"',
        exits=1,
    ),
    Form(
        line="get pods --as=jane -o name",
        given=[*_ROLES, given.pod("a")],
        prints="pod/a",
    ),
)

_RULE = "{{Verbs:[{}] APIGroups:[] Resources:[pods] ResourceNames:[] NonResourceURLs:[]}}"
_RECONCILED = """
    role.rbac.authorization.k8s.io/reader reconciled
    rolebinding.rbac.authorization.k8s.io/readers reconciled
    """

_RECONCILE = (
    Form(
        line="auth reconcile -f roles.yaml",
        files={"roles.yaml": given.as_text(*_MANIFESTS)},
        prints=_RECONCILED,
        complains=f"""
            reconciliation required create
            missing rules added:
                {_RULE.format("get list")}
            reconciliation required create
            missing subjects added:
                {{Kind:User APIGroup:rbac.authorization.k8s.io Name:jane Namespace:}}
            """,
        then={"roles/reader": {}, "rolebindings/readers": {}},
    ),
    Form(
        line="auth reconcile -f same.yaml",
        given=_ROLES,
        files={"same.yaml": given.as_text(*_MANIFESTS)},
        prints=_RECONCILED,
    ),
    Form(
        line="auth reconcile -f less.yaml --remove-extra-permissions --dry-run=client",
        given=_ROLES,
        files={"less.yaml": {**_MANIFESTS[0], "rules": []}},
        prints="role.rbac.authorization.k8s.io/reader reconciled (dry run)",
        complains=f"""
            reconciliation required update
            extra rules removed:
                {_RULE.format("get")}
                {_RULE.format("list")}
            """,
        then={"roles/reader": {"rules": [{"verbs": ["get", "list"]}]}},
    ),
)

_CERTIFICATE = (
    Form(
        line="certificate approve jane",
        given=[_JANE],
        prints="certificatesigningrequest.certificates.k8s.io/jane approved",
        then=_condition("Approved"),
        leaves=[_REQUEST],
    ),
    Form(
        line="certificate deny jane",
        given=[_JANE],
        prints="certificatesigningrequest.certificates.k8s.io/jane denied",
        then=_condition("Denied"),
        leaves=[_REQUEST],
    ),
    Form(
        line="certificate approve -f jane.yaml --force",
        given=[_JANE, "certificate approve jane"],
        files={"jane.yaml": _JANE},
        prints="certificatesigningrequest.certificates.k8s.io/jane approved",
        then=_condition("Approved"),
        leaves=[_REQUEST],
    ),
    Form(
        line="get csr jane",
        given=[_JANE, "certificate deny jane"],
        prints="NAME AGE SIGNERNAME REQUESTOR REQUESTEDDURATION CONDITION "
        "jane …s kubernetes.io/kube-apiserver-client … <none> Denied",
        leaves=[_REQUEST],
    ),
)

FORMS = (*_CAN_I, *_WHO, *_RECONCILE, *_CERTIFICATE)
