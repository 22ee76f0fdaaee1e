"""Pod Security Standards: what a namespace's labels ask for, and what a pod lacks of it. Pure.

Follows `k8s.io/pod-security-admission` and
https://kubernetes.io/docs/concepts/security/pod-security-standards/.
"""
