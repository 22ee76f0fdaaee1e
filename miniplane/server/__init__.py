"""The HTTP door: URLs, headers and bytes in, verbs of the registry out.

A request takes one way, which `app.handle` shows on one screen: `guard` (who may connect),
`request_info` (the URL, parsed once), `access` (who asks, and whether they may), `routes` (which
verb), and one coroutine per verb in `verbs/`. Handlers never look at a path, and nothing here
knows what a kind means: that is the registry's.
"""
