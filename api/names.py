"""What names, labels and other short strings may look like, with the server's words for a bad one.

Follows apimachinery's `pkg/util/validation` and `pkg/api/validate/content`. Each function answers a
tuple of complaints, empty for a good value; answers are remembered, as the same names, labels and
ports come again and again.

>>> dns1123_label("a.b")
('must not contain dots',)
"""

import functools
import re
from collections.abc import Callable
from typing import TypeAlias

Complaints: TypeAlias = tuple[str, ...]
NameRule: TypeAlias = Callable[[str], Complaints]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SUBDOMAIN_UNDERSCORE = rf"{_LABEL_UNDERSCORE}(\.{_LABEL_UNDERSCORE})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_URL_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"

_label_re = re.compile(_LABEL)
_subdomain_re = re.compile(_SUBDOMAIN)
_subdomain_underscore_re = re.compile(_SUBDOMAIN_UNDERSCORE)
_wildcard_re = re.compile(_WILDCARD)
_dns1035_re = re.compile(_DNS1035)
_key_re = re.compile(_KEY)
_value_re = re.compile(_VALUE)
_config_key_re = re.compile(_CONFIG_KEY)
_header_re = re.compile(_HEADER)
_percent_re = re.compile(_PERCENT)
_url_path_re = re.compile(_URL_PATH)
_c_identifier_re = re.compile(_C_IDENTIFIER)
_port_chars_re = re.compile("[-a-z0-9]+")
_letter_re = re.compile("[a-z]")
_env_name_re = re.compile(r"[ -<>-~]+")

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_SUBDOMAIN_UNDERSCORE_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' "
    "or '.', and must start and end with an alphanumeric character"
)
_DNS1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character"
)
_KEY_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)


def size(value: str) -> int:
    """The length in bytes, which is what every limit counts."""
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))


def regex_complaint(text: str, pattern: str, *examples: str) -> str:
    """`text` with examples and the pattern, as apimachinery's RegexError puts them."""
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} ({f'e.g. {shown}' if shown else ''}regex used for validation is '{pattern}')"


def at_most_characters(limit: int) -> str:
    return f"must be no more than {limit} characters"


def at_most_bytes(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def between(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def _remembered(count: int) -> Callable[[NameRule], NameRule]:
    """Remembers answers, but not those for strings so long that keeping them would cost more."""

    def decorate(rule: NameRule) -> NameRule:
        cached = functools.lru_cache(maxsize=count)(rule)

        @functools.wraps(rule)
        def ask(value: str) -> Complaints:
            return cached(value) if len(value) <= 300 else rule(value)

        return ask

    return decorate


@_remembered(8192)
def dns1123_label(value: str) -> Complaints:
    complaints = (at_most_characters(63),) if size(value) > 63 else ()
    if _label_re.fullmatch(value):
        return complaints
    if _subdomain_re.fullmatch(value):
        return (*complaints, "must not contain dots")
    return (*complaints, regex_complaint(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))


@_remembered(8192)
def dns1123_subdomain(value: str) -> Complaints:
    complaints = (at_most_characters(253),) if size(value) > 253 else ()
    if _subdomain_re.fullmatch(value):
        return complaints
    return (*complaints, regex_complaint(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))


@_remembered(1024)
def dns1123_subdomain_with_underscore(value: str) -> Complaints:
    """The relaxed form that DNS search paths take."""
    complaints = (at_most_characters(253),) if size(value) > 253 else ()
    if _subdomain_underscore_re.fullmatch(value):
        return complaints
    text = regex_complaint(_SUBDOMAIN_UNDERSCORE_TEXT, _SUBDOMAIN_UNDERSCORE, "example.com")
    return (*complaints, text)


@_remembered(1024)
def wildcard_subdomain(value: str) -> Complaints:
    complaints = (at_most_characters(253),) if size(value) > 253 else ()
    if _wildcard_re.fullmatch(value):
        return complaints
    return (*complaints, regex_complaint(_WILDCARD_TEXT, _WILDCARD, "*.example.com"))


@_remembered(4096)
def dns1035_label(value: str) -> Complaints:
    complaints = (at_most_characters(63),) if size(value) > 63 else ()
    if _dns1035_re.fullmatch(value):
        return complaints
    return (*complaints, regex_complaint(_DNS1035_TEXT, _DNS1035, "my-name", "abc-123"))


@_remembered(8192)
def qualified_name(value: str) -> Complaints:
    """A label key: `name` or `prefix.example.com/name`."""
    complaints: list[str] = []
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        rule = regex_complaint(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc")
        return (
            f"a valid label key {rule} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')",
        )
    if slash:
        if not prefix:
            complaints.append("prefix part must be non-empty")
        else:
            if size(prefix) > 253:
                complaints.append(f"prefix part {at_most_bytes(253)}")
            if not _subdomain_re.fullmatch(prefix):
                text = regex_complaint(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com")
                complaints.append(f"prefix part {text}")
    if not name:
        complaints.append("name part must be non-empty")
    elif size(name) > 63:
        complaints.append(f"name part {at_most_bytes(63)}")
    if not _key_re.fullmatch(name):
        text = regex_complaint(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc")
        complaints.append(f"name part {text}")
    return tuple(complaints)


@_remembered(8192)
def label_value(value: str) -> Complaints:
    complaints = (at_most_bytes(63),) if size(value) > 63 else ()
    if _value_re.fullmatch(value):
        return complaints
    return (*complaints, regex_complaint(_VALUE_TEXT, _VALUE, "MyValue", "my_value", "12345"))


@_remembered(4096)
def path_segment(value: str) -> Complaints:
    """A name that only has to fit into a URL, as those of RBAC objects."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return path_segment_prefix(value)


def path_segment_prefix(value: str) -> Complaints:
    """As `path_segment`, for the beginning of a name."""
    return tuple(f"may not contain '{char}'" for char in "/%" if char in value)


@_remembered(1024)
def port_name(value: str) -> Complaints:
    complaints: list[str] = []
    if size(value) > 15:
        complaints.append(at_most_characters(15))
    if not _port_chars_re.fullmatch(value):
        complaints.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _letter_re.search(value):
        complaints.append("must contain at least one letter (a-z)")
    if "--" in value:
        complaints.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        complaints.append("must not begin or end with a hyphen")
    return tuple(complaints)


_PORT_RANGE = (between(1, 65535),)
_ID_RANGE = (between(0, 2147483647),)


def port_number(value: int) -> Complaints:
    return () if 1 <= value <= 65535 else _PORT_RANGE


def user_or_group_id(value: int) -> Complaints:
    return () if 0 <= value <= 2147483647 else _ID_RANGE


@_remembered(256)
def percent(value: str) -> Complaints:
    if _percent_re.fullmatch(value):
        return ()
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return (regex_complaint(text, _PERCENT, "1%", "93%"),)


@_remembered(1024)
def http_header(value: str) -> Complaints:
    if _header_re.fullmatch(value):
        return ()
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return (regex_complaint(text, _HEADER, "X-Header-Name"),)


@_remembered(4096)
def config_map_key(value: str) -> Complaints:
    complaints: list[str] = []
    if size(value) > 253:
        complaints.append(at_most_characters(253))
    if not _config_key_re.fullmatch(value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        complaints.append(regex_complaint(text, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in (".", ".."):
        complaints.append(f"must not be '{value}'")
    elif value.startswith(".."):
        complaints.append("must not start with '..'")
    return tuple(complaints)


@_remembered(4096)
def env_var_name(value: str) -> Complaints:
    if not value:
        return ("environment variable name must be non-empty",)
    if _env_name_re.fullmatch(value):
        return ()
    return (
        "a valid environment variable name must consist only of printable ASCII characters "
        "other than '='",
    )


def c_identifier(value: str) -> Complaints:
    if _c_identifier_re.fullmatch(value):
        return ()
    text = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string "
        "of alphanumeric characters or '_'"
    )
    return (regex_complaint(text, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName"),)


def url_path(value: str) -> Complaints:
    return () if _url_path_re.fullmatch(value) else (regex_complaint("Invalid path", _URL_PATH),)


def mask_trailing_dash(prefix: str) -> str:
    """A generateName as it is checked: what comes after its last dash will be made up."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
