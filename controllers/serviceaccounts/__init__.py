"""What every namespace has: the service account `default`, and the cluster's root certificate."""
