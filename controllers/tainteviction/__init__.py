"""Eviction by taint: pods that do not tolerate a NoExecute taint of their node are deleted."""
