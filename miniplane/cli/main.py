"""Reads the command line, runs the command, turns failures into one line and an exit status."""

import gc
import os
import sys
from collections.abc import Sequence

from miniplane.cli import arguments
from miniplane.cli.failure import Failure


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0, 1 (the server said no) or 2 (bad usage)."""
    # Imports make much and drop little: collecting garbage takes a fifth of the time of starting.
    collected = gc.isenabled()
    gc.disable()
    try:
        args = arguments.parse(sys.argv[1:] if argv is None else argv, os.environ)
        return args.run(args)
    except Failure as failure:
        print(f"miniplane: {failure.text}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        # Whoever called goes on.
        if collected:
            gc.enable()
