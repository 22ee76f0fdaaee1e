"""certificates.k8s.io: what stands in a signing request, and what the signers of Kubernetes sign.

X.509 is read by the `cryptography` library, which is imported when the first request is read.
"""
