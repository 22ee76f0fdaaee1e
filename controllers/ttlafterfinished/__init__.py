"""Finished Jobs that nobody needs any more."""
