"""`python -m miniplane`."""

import sys

from miniplane.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
