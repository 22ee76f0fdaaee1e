"""How a command ends that cannot do what it was asked: one line, no traceback."""

USAGE = 2
"""Exit status: something on the command line or on this machine must be changed first."""

FAILED = 1
"""Exit status: the server said no, or did not answer."""


class Failure(Exception):
    """`text` goes to stderr, `status` to the shell."""

    def __init__(self, text: str, status: int = USAGE):
        super().__init__(text)
        self.text = text
        self.status = status
