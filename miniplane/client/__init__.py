"""How controllers, tests and users' code talk to the API: one protocol, several doors.

`protocol` says what a client is; `inprocess` calls the registry, `http` speaks to any Kubernetes
API server, `fault` wraps either and makes it fail on purpose.
"""
