"""Measures everything in one run and prints a table. Ratios are taken from interleaved rounds.

`python -m benchmarks reads watches` measures only these parts.
"""

import os
import platform
import sys
import tempfile

from benchmarks import reads, scale, start, table, watches, writes

PARTS = {
    "start": (start.cold_start, start.idle),
    "reads": (reads.reads,),
    "writes": (writes.writes,),
    "watches": (watches.elsewhere, watches.fan_out),
    "controllers": (scale.controllers,),
    "scale": (scale.idle, scale.deployments, scale.pods),
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
