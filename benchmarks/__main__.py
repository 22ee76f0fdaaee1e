"""Measures everything in one run and prints a table. Ratios are taken from interleaved rounds.

`python -m benchmarks reads watches` measures only these parts.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile

from benchmarks import reads, start, table, watches, writes
from benchmarks.table import row


def controllers(folder: str) -> None:
    for name, what in (
        ("statefulset", "a Parallel StatefulSet of 1,000 replicas, all ready"),
        ("daemonset", "a DaemonSet on 1,000 nodes, all ready"),
    ):
        command = [sys.executable, "-m", "benchmarks.inside", name]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        row(what, f"{found['cpu']:.1f} s of CPU", f"{found['writes']} writes", "5 s")


PARTS = {
    "start": (start.cold_start, start.idle),
    "reads": (reads.reads,),
    "writes": (writes.writes,),
    "watches": (watches.elsewhere, watches.fan_out),
    "controllers": (controllers,),
}


def main(names: list[str]) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    table.head()
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PARTS:
            for measure in PARTS[name]:
                measure(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
