"""Kubernetes semantics over the store: both doors, HTTP and the controllers' client, enter here.

`registry.Registry` is the facade; each verb has a file of its own, and a kind's peculiarities live
in its strategy. A write runs through one path, whoever asks for it:

    decode -> default -> field ownership -> mutating admission -> strategy.prepare -> validate
    -> validating admission -> store (one JSON encoding, shared by every reader)

All verbs are synchronous, so a write is atomic; only a watch waits.
"""
