"""Logs of simulated containers.

A log has two sources. What the simulation says (`spoken`) follows from the pod: when its containers
started and ended, and what its annotations let them say. It is made when somebody reads it, so pods
whose logs nobody reads cost nothing. What a user writes (`written`) is kept by pod, container and
run, in bounds, until the pod is gone.

`runs` finds the run of a container that is asked for, or the words in which a kubelet refuses;
`reading` puts both sources in order and selects from them; `podlogs` is the door to all of it.
"""
