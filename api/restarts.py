"""Whether a container that has ended is started again by what it says itself.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restart-rules
"""

from miniplane.api.objects import Obj


def own_answer(container: Obj, code: int) -> bool | None:
    """By the first of its rules that the exit code meets, else by its own restart policy; None
    where it has neither, so that the pod's counts.

    >>> own_answer({"restartPolicy": "OnFailure"}, 0), own_answer({}, 0)
    (False, None)
    """
    for rule in container.get("restartPolicyRules") or ():
        asked = rule.get("exitCodes") or {}
        if (code in (asked.get("values") or ())) == (asked.get("operator") == "In"):
            return bool(rule.get("action") == "Restart")
    policy = container.get("restartPolicy")
    if policy is None:
        return None
    return bool(policy == "Always" or (policy == "OnFailure" and code != 0))
