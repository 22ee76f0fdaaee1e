"""APIServices: whether the servers of other API groups could be reached."""
