"""DaemonSets: a pod on each node that suits.

    placement.py    which nodes suit
    podspec.py      the pod that is made for a node
    plan.py         what to do next: a pure function
    rollout.py      the plan's part for nodes with a pod of an old template
    status.py       what the status says
    backoff.py      how long a failing pod is left alone
    apply.py        carries actions out, and tells of them in events
    controller.py   fetches, plans, applies, writes the status

Follows https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ and
`pkg/controller/daemon`.
"""
