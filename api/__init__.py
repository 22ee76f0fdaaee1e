"""What Kubernetes objects are: resources, schemas, defaults, validation, patches, tables.

Everything below this package is pure: no I/O beyond reading its own data files, no clock, no
asyncio. Objects are JSON-shaped dictionaries (`Obj`); whatever came out of the store, a client or
an informer is shared and must not be changed: `objects.thaw` gives a private copy.
"""
