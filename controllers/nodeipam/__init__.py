"""What nodes are given: a range of addresses for their pods, and a time to keep secrets for."""
