"""The pull policy that an image name implies.

Follows `pkg/util/parsers` and the grammar of distribution/reference
(https://pkg.go.dev/github.com/distribution/reference).
"""

import functools
import re

_DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_PATH_PART = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"((?:{_DOMAIN}/)?{_PATH_PART}(?:/{_PATH_PART})*)(?::([\w][\w.-]{{0,127}}))?(?:@({_DIGEST}))?",
    re.ASCII,
)
_ONLY_A_DIGEST = re.compile("[a-f0-9]{64}")


def pull_policy(image: str) -> str:
    """`Always` for the tag latest, written or implied, else `IfNotPresent`."""
    return _pull_policy(image) if len(image) <= 300 else _pull_policy.__wrapped__(image)


@functools.lru_cache(maxsize=4096)
def _pull_policy(image: str) -> str:
    if _ONLY_A_DIGEST.fullmatch(image):
        return "IfNotPresent"
    first, slash, rest = image.partition("/")
    is_domain = slash and (
        "." in first or ":" in first or first == "localhost" or first.lower() != first
    )
    repository = rest if is_domain else image
    if repository.partition(":")[0] != repository.partition(":")[0].lower():
        return "IfNotPresent"
    match = _REFERENCE.fullmatch(f"{first if is_domain else 'docker.io'}/{repository}")
    if match is None:
        return "IfNotPresent"
    _, tag, digest = match.groups()
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"
