"""What the objects of a namespace use of its quotas."""
