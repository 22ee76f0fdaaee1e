"""Cluster roles that are put together from others by their labels."""
