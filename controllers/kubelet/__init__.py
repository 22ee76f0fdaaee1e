"""Simulated kubelets: one controller plays them all.

`stages` is the life of a pod as a table, `view` what the table looks at, `status` builds what a
kubelet reports. `images` and `addresses` are what containers and pods get, `blockers` is what
keeps a container from starting. What containers do by themselves is in `containers` and `commands`,
what they are told to suffer from in `faults`, how their probes fare in `probes`; `duties` puts that
together into what is due at a moment. `node` is what a kubelet says of its machine, `machine` what
is remembered of it, `hearts` keeps nodes alive, and `controller` carries all of it out.

Which nodes have one: those that the cluster starts with, and all Nodes with the annotation
`miniplane.dev/simulated: "true"`. Pods on any other node wait for a kubelet that never comes.
"""
