"""Pods that nobody looks after any more: their node is gone, or too many of them are finished."""
