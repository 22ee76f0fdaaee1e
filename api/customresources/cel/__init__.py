"""`x-kubernetes-validations`: rules in the Common Expression Language.

The language itself is `cel-expr-python`, Google's own implementation; it is loaded with the first
schema that has a rule. What Kubernetes adds stands here: the types that a schema gives to `self`
(`types`), the values (`values`), the functions (`library`), and which rule is asked when (`rules`).

https://kubernetes.io/docs/reference/using-api/cel/
"""
