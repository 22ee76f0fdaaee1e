"""Which objects a request or a controller means: label, field and node selectors.

`labels` and `fields` parse the query parameters of lists and watches and match objects;
`nodes` holds the scheduling predicates (node affinity, taints and tolerations).
"""
