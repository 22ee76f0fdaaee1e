"""Typed views of the kinds whose controllers reason about many fields at once.

Frozen pydantic models with Kubernetes' names as aliases. They hold what controllers read, no more:
an unknown field is left out, and a pod template stays the JSON-shaped data that it is. Pods and
nodes have no models: there are too many of them.
"""
