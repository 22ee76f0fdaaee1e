"""The status of ValidatingAdmissionPolicies: seen, and checked against the types."""

from miniplane import testing
from miniplane.api import resources

POLICIES = resources.resource("validatingadmissionpolicies", "admissionregistration.k8s.io")
RULE = {
    "apiGroups": ["apps"],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["deployments"],
}


def policy(*expressions: str, **rule) -> dict:
    return {
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": [{**RULE, **rule}]},
            "variables": [{"name": "n", "expression": "object.spec.replicas"}],
            "validations": [{"expression": e} for e in expressions],
        },
    }


async def test_faults_are_told_and_change_nothing() -> None:
    async with testing.cluster(nodes=0) as cluster:
        made = policy("object.replicas > 1", "object.spec.replicas > 1", "variables.n == 'a'")
        await cluster.client.create(POLICIES, made)
        await cluster.settle()
        status = (await cluster.client.get(POLICIES, "p"))["status"]
        first, second = status["typeChecking"]["expressionWarnings"]
        assert first == {
            "fieldRef": "spec.validations[0].expression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n | ......^\n",
        }
        assert second["fieldRef"] == "spec.validations[2].expression"
        assert "found no matching overload for '_==_'" in second["warning"]
        await cluster.client.patch(
            POLICIES,
            "p",
            {"spec": {"validations": [{"expression": "variables.n == 1"}]}},
            patch_type="application/merge-patch+json",
        )
        await cluster.settle()
        status = (await cluster.client.get(POLICIES, "p"))["status"]
        assert status["observedGeneration"] == 2
        assert not status.get("typeChecking")


async def test_wildcards_are_not_checked() -> None:
    async with testing.cluster(nodes=0) as cluster:
        await cluster.client.create(POLICIES, policy("object.replicas > 1", apiVersions=["*"]))
        await cluster.settle()
        status = (await cluster.client.get(POLICIES, "p"))["status"]
        assert status == {"observedGeneration": 1, "typeChecking": {}}
