"""Names that are good enough for an object, but not for what is called after it."""

from miniplane.api import names


def pod_name(name: str) -> list[str]:
    """What a pod's name does to its host name."""
    return _advised("the Pod's hostname", name)


def workload_name(name: str) -> list[str]:
    """What a workload's name does to its pods' names."""
    return _advised("Pod names and hostnames", name)


def _advised(use: str, name: str) -> list[str]:
    complaints = names.dns1123_label(name)
    if not complaints:
        return []
    return [
        f"metadata.name: this is used in {use}, which can result in surprising behavior; a DNS "
        f"label is recommended: [{' '.join(complaints)}]"
    ]
