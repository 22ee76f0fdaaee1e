"""Empties and removes the namespaces that were deleted."""
