"""A multi-version store with watches; it knows nothing of Kubernetes.

Keys are strings of segments divided by `/`. Each write gets the next revision; the last ones stay
in a bounded log, from which watchers read with a cursor each and from which a range can be read as
it was at an earlier revision.

- `mvcc.Store`: the keys and their present values, reads and writes. Synchronous: a write is atomic
  because nothing in it awaits.
- `log.Log`: the dense window of the latest events.
- `watch.Watcher`: a cursor on the log; the only part that knows asyncio.
- `errors`: the store's own vocabulary of failures.
"""
