"""StatefulSets: pods with names that last.

    identity.py     ordinals, names, and the pod that belongs to an ordinal
    claims.py       a claim for each template and pod, and who owns it when
    plan.py         what to do next: a pure function
    rollout.py      the plan's part for pods of an old revision
    replica.py      a pod with the ordinal in its name
    status.py       what the status says
    apply.py        carries actions out, and tells of them in events
    controller.py   fetches, plans, applies, writes the status

Follows https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ and
`pkg/controller/statefulset`.
"""
