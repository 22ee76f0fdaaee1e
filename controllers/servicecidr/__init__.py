"""Ranges of cluster addresses that users add, and that go when nobody has an address of them."""
