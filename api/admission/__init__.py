"""Admission policies and webhooks: what they are told, and the language that they are written in.

What needs the extra `cel` stands in `expressions` and the modules that it imports; they are loaded
with the first expression. `matching` and `reviews` need no extra.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""
