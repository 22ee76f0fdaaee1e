"""The scheduler: finds a node for each pod, as kube-scheduler with its default profile does.

`demand` what a pod asks for, `cache` what the nodes have left, `filters` which nodes can take a
pod, `interpod`, `spread` and `volumes` the filters that look beyond one node, `score` which of
them is best, `preemption` whom to send away, `messages` the words, `queue` whose turn it is, and
`controller` the loop around them.
"""
