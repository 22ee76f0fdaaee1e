"""One coroutine per verb: negotiate, read options and body, ask the registry, answer."""
