"""What every controller runs on: informers, work queues, the reconcile loop, events, settling.

An informer keeps a copy of one resource by a list and a watch, and tells handlers what changed.
The handlers put keys (`namespace/name`) into a controller's work queue; the loop takes a key,
calls `reconcile(key)`, and comes back after an error or when the result says so. `settle` knows
from all of them when there is nothing left to do.
"""
