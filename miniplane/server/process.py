"""Figures of this process, as every Prometheus client library has them. Where the system does not
tell (there is no /proc), those that need it are left out."""

import contextlib
import os
from collections.abc import Iterator

from miniplane import metrics
from miniplane.metrics import Family, Labels


def families() -> Iterator[Family]:
    times = os.times()
    yield metrics.counter(
        "process_cpu_seconds_total",
        "User and system time that was spent, in seconds.",
        {(): round(times.user + times.system, 2)},
    )
    with contextlib.suppress(ImportError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit: dict[Labels, float] = {(): float(max(soft, 0))}
        yield metrics.gauge("process_max_fds", "How many files may be open.", limit)
    with contextlib.suppress(OSError, ValueError, IndexError):
        yield from _from_proc()


def _from_proc() -> Iterator[Family]:
    page = os.sysconf("SC_PAGE_SIZE")
    with open("/proc/self/stat", encoding="ascii", errors="replace") as stat:
        # The second field is the name of the program, in parentheses, blanks and all.
        fields = stat.read().rpartition(")")[2].split()
    with open("/proc/stat", encoding="ascii") as stat:
        booted = next(float(line.split()[1]) for line in stat if line.startswith("btime"))
    started = booted + float(fields[19]) / os.sysconf("SC_CLK_TCK")
    for name, help, value in (
        ("process_open_fds", "How many files are open.", len(os.listdir("/proc/self/fd"))),
        ("process_resident_memory_bytes", "Memory in use.", float(fields[21]) * page),
        ("process_start_time_seconds", "When the process started, in Unix seconds.", started),
        ("process_virtual_memory_bytes", "Address space in use.", float(fields[20])),
    ):
        yield metrics.gauge(name, help, {(): float(value)})
