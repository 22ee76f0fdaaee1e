"""Deployments: rollouts over ReplicaSets, one for each template."""
