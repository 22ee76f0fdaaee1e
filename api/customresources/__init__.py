"""Custom resources: what a CustomResourceDefinition says of its objects (pure).

`definition.versions` reads a definition into one `Version` for each version that is served or
stored: its row in the resource table, its schema, its subresources, its printer. A `Version`
decodes, defaults and validates the objects of its kind. Schemas are *structural*
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
the types of all fields can be read off their spine, and `structural.Structural` is that spine.

Follows apiextensions-apiserver's `pkg/apiserver/schema` and `pkg/registry/customresource`.
"""
