"""What a ResourceQuota counts, and which objects it counts. Pure.

`usage` says what one object uses, `kinds` which names of a quota's list belong to a resource, and
`scopes` whether a quota looks at an object at all. Follows `pkg/quota/v1/evaluator/core` and
https://kubernetes.io/docs/concepts/policy/resource-quotas/.
"""
