"""How the process of a server treats its memory."""

import gc

KEPT = 32 * 2**20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
GARBAGE = (20_000, 20, 20)
"""When the three generations are collected. Objects are made by the thousand here and live long."""


def settle_in() -> None:
    """Once the cluster has started. Both settings are for the whole process."""
    _collect_garbage_from_now_on()
    _keep_freed_memory()


def _collect_garbage_from_now_on() -> None:
    """What is there at the start stays for good, so it need not be looked at again and again."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()


def _keep_freed_memory() -> None:
    """Long lists take megabytes for a moment. Giving them back to the system and asking for them
    again, page by page, costs more than making the list; so up to `KEPT` bytes stay with us."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # another C library than glibc
    mallopt(_M_TRIM_THRESHOLD, KEPT)
    mallopt(_M_MMAP_THRESHOLD, KEPT)
