"""Addresses for services of type LoadBalancer and for ingresses, out of a range given for them."""
