"""Rules for names, in the server's words."""

import pytest

from miniplane.api import names

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("rule", "name", "complaints"),
    [
        (names.dns1123_subdomain, "a.b-c.0", []),
        (names.dns1123_subdomain, "", [SUBDOMAIN]),
        (names.dns1123_subdomain, "a..b", [SUBDOMAIN]),
        (names.dns1123_subdomain, "A", [SUBDOMAIN]),
        (names.dns1123_subdomain, "a\n", [SUBDOMAIN]),
        (names.dns1123_subdomain, "é", [SUBDOMAIN]),
        (names.dns1123_subdomain, "x" * 254, ["must be no more than 253 characters"]),
        (names.dns1123_label, "0-a", []),
        (names.dns1123_label, "a.b", ["must not contain dots"]),
        (names.dns1123_label, "a_", [LABEL]),
        (names.dns1123_label, "x" * 64, ["must be no more than 63 characters"]),
        (names.dns1035_label, "a-0", []),
        (names.dns1035_label, "0a", [LABEL_1035]),
        (names.qualified_name, "Example", []),
        (names.qualified_name, "example.com/My_Name.0", []),
        (names.qualified_name, "/a", ["prefix part must be non-empty"]),
        (names.qualified_name, "a/", ["name part must be non-empty", NAME_PART]),
        (names.qualified_name, "A/a", [f"prefix part {SUBDOMAIN}"]),
        (names.qualified_name, "x" * 64, ["name part must be no more than 63 bytes"]),
        (names.qualified_name, "-", [NAME_PART]),
        (names.label_value, "", []),
        (names.label_value, "a_B.0", []),
        (names.label_value, "a b", [VALUE]),
        (names.label_value, "x" * 64, ["must be no more than 63 bytes"]),
        (names.path_segment, "System:a b", []),
        (names.path_segment, ".", ["may not be '.'"]),
        (names.path_segment, "a/%", ["may not contain '/'", "may not contain '%'"]),
        (names.port_name, "http-8", []),
        (names.port_name, "80", ["must contain at least one letter (a-z)"]),
        (names.port_name, "a--b", ["must not contain consecutive hyphens"]),
        (names.port_name, "a" * 16, ["must be no more than 15 characters"]),
        (names.env_var_name, "a.b-C d", []),
        (names.env_var_name, "", ["environment variable name must be non-empty"]),
        (names.config_map_key, ".a_B-0", []),
        (names.config_map_key, "..", ["must not be '..'"]),
        (names.percent, "5%", []),
        (names.http_header, "X-A", []),
    ],
)
def test_rules(rule, name, complaints):
    assert list(rule(name)) == complaints


@pytest.mark.parametrize(
    ("number", "good"), [(0, False), (1, True), (65535, True), (65536, False), (-1, False)]
)
def test_ports(number, good):
    complaints = () if good else ("must be between 1 and 65535, inclusive",)
    assert names.port_number(number) == complaints


@pytest.mark.parametrize(
    ("prefix", "checked"), [("a-", "a"), ("web-", "wea"), ("-", "-"), ("", "")]
)
def test_the_last_dash_of_a_generated_name(prefix, checked):
    assert names.mask_trailing_dash(prefix) == checked
