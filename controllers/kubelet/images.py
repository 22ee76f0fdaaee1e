"""Container images, as far as a node has to know them.

Nothing is pulled. An image's digest, size and time of arrival are drawn from its name, so that
they are the same on every node and in every run.
"""

import functools
import hashlib
import re

RUNTIME = "containerd"


@functools.lru_cache(maxsize=4096)
def _digest(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()


@functools.lru_cache(maxsize=4096)
def repository(image: str) -> str:
    """The full name of an image's repository: `nginx:1.27` is in `docker.io/library/nginx`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    if "." in first or ":" in first or first == "localhost":
        return name
    return f"docker.io/{name}"


@functools.lru_cache(maxsize=4096)
def reference(image: str) -> str:
    """The full name of an image, with its tag or digest: `docker.io/library/nginx:latest`."""
    full = repository(image)
    name, at, digest = image.partition("@")
    if at:
        return f"{full}@{digest}"
    return f"{full}:{name.rpartition('/')[2].partition(':')[2] or 'latest'}"


@functools.lru_cache(maxsize=4096)
def image_id(image: str) -> str:
    """`docker.io/library/nginx@sha256:...`, as containerd reports it."""
    _, at, digest = image.partition("@")
    return f"{repository(image)}@{digest if at else 'sha256:' + _digest(image)}"


_ALNUM = r"[a-z0-9]+"
_PATH = rf"{_ALNUM}(?:(?:\.|_|__|-+){_ALNUM})*"
_HOST = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_REFERENCE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*(?::[0-9]+)?/)?{_PATH}(?:/{_PATH})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,})?"
)


@functools.lru_cache(maxsize=4096)
def complaint(image: str) -> str:
    """Why an image cannot be asked for by this name, `""` if it can.

    >>> complaint("Nginx")
    'invalid reference format: repository name (library/Nginx) must be lowercase'
    """
    first, slash, rest = image.partition("/")
    has_host = slash and ("." in first or ":" in first or first == "localhost")
    if has_host or (slash and first != first.lower()):
        name = rest
    else:
        name = image if slash else f"library/{image}"
    name = name.partition("@")[0].partition(":")[0]
    if name != name.lower():
        return f"invalid reference format: repository name ({name}) must be lowercase"
    return "" if _REFERENCE.fullmatch(image) else "invalid reference format"


def size(image: str) -> int:
    """Bytes, between 2 and 258 million."""
    return 2_000_000 + int(_digest(image)[:7], 16) % 256_000_000


def pull_milliseconds(image: str) -> int:
    return 100 + int(_digest(image)[7:10], 16) % 900


def container_id(uid: str, container: str, restart: int = 0) -> str:
    """`containerd://<64 hex digits>`: the same for the same run of the same container of a pod."""
    seed = f"{uid}/{container}/{restart}".encode()
    return f"{RUNTIME}://{hashlib.sha256(seed).hexdigest()}"


def pull_policy(container: dict[str, object]) -> str:
    return str(container.get("imagePullPolicy") or "IfNotPresent")


def pull_events(image: str, policy: str, *, present: bool) -> list[tuple[str, str]]:
    """(reason, message) of each event on the way to having the image."""
    # Whoever never pulls has seen to it that the image is there.
    if policy == "Never" or (present and policy != "Always"):
        text = (
            f'Container image "{image}" already present on machine and can be accessed by the pod'
        )
        return [("Pulled", text)]
    took = f"{pull_milliseconds(image)}ms"
    text = (
        f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
        f"Image size: {size(image)} bytes."
    )
    return [("Pulling", f'Pulling image "{image}"'), ("Pulled", text)]
