"""Servers as child processes, and what they use, read from /proc."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

_PAGE = os.sysconf("SC_PAGE_SIZE")

JSON = "application/json"


def environment() -> dict[str, str]:
    """Of a user's machine: there, Python keeps the bytecode that it has compiled."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def resident(process: int | str = "self") -> int:
    """Resident bytes of a process."""
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * _PAGE


class Server:
    """A child process that serves HTTP on 127.0.0.1."""

    def __init__(self, process: "subprocess.Popen[str]", port: int):
        self.process = process
        self.port = port

    @classmethod
    def bare(cls, *arguments: str) -> "Server":
        command = [sys.executable, "-m", "benchmarks.bare", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        assert process.stdout is not None
        return cls(process, int(process.stdout.readline()))

    @classmethod
    def miniplane(cls, kubeconfig: str, *flags: str) -> "Server":
        command = [sys.executable, "-m", "miniplane", "serve", "--port", "0"]
        command += ["--kubeconfig", kubeconfig, *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        assert process.stdout is not None
        for line in process.stdout:
            if "ready at" in line:
                return cls(process, int(line.rstrip().rpartition(":")[2]))
        raise RuntimeError("the server did not start")

    def cpu(self) -> float:
        """CPU seconds used so far, user and system."""
        with open(f"/proc/{self.process.pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def memory(self) -> int:
        """Resident bytes."""
        return resident(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def request(
    method: str, path: str, body: bytes = b"", *, accept: str = JSON, content_type: str = JSON
) -> bytes:
    """The bytes of a request."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Accept: {accept}"]
    head.append("User-Agent: bench/1.0")
    if body:
        head += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


class Connection:
    """One kept-alive connection that sends prepared requests and reads whole answers."""

    def __init__(self, server: Server):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> bytes:
        """The body of the answer. RuntimeError for anything but a 2xx."""
        self.socket.sendall(request)
        data = self.socket.recv(1 << 20)
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(1 << 20)
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError((head + body)[:500].decode())
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at:].split(b"\r\n", 1)[0])
        parts, have = [body], len(body)
        while have < length:
            chunk = self.socket.recv(1 << 20)
            parts.append(chunk)
            have += len(chunk)
        return b"".join(parts)


def cpu_per_call(server: Server, call: Callable[[int], object], count: int) -> float:
    """CPU seconds that one of `count` calls costs the server."""
    before = server.cpu()
    for i in range(count):
        call(i)
    time.sleep(0.01)
    return (server.cpu() - before) / count


class Bodies:
    """A file of the bodies that a bare server answers, by path."""

    def __init__(self, file: str):
        self._file = file
        self._bodies: dict[str, str] = {}

    def add(self, body: bytes) -> str:
        """The path at which `body` will be answered."""
        path = f"/bodies/{len(self._bodies)}"
        self._bodies[path] = body.decode("latin-1")
        return path

    def serve(self) -> Server:
        """A bare server of everything that has been added."""
        with open(self._file, "w") as out:
            json.dump(self._bodies, out)
        return Server.bare(self._file)
