"""From the bytes of a request to an object as a server would write it back.

`parse_json` and `parse_yaml` turn bytes into JSON-shaped data, `check_type` sees whether it is the
kind that the URL asks for, and `decode` turns it into a new object of that kind: unknown fields
gone, everything of the right type, quantities and times in their canonical form, and exactly those
empty values present that Go's encoder would write. `untyped` is `decode` for objects without a
definition (custom resources).

Follows sigs.k8s.io/json and the JSON serializer of apimachinery (`runtime/serializer/json`).
"""

from miniplane.api.decode.decode import TypeMismatch, blank, decode, embed, plain, untyped, zero
from miniplane.api.decode.kinds import check_type
from miniplane.api.decode.parse import Malformed, parse_json, parse_yaml

__all__ = [
    "Malformed",
    "TypeMismatch",
    "blank",
    "check_type",
    "decode",
    "embed",
    "parse_json",
    "parse_yaml",
    "plain",
    "untyped",
    "zero",
]
