"""Accepts the names of CustomResourceDefinitions, and empties those that are deleted."""
