"""Servers as child processes, and what they use, read from /proc."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

_PAGE = os.sysconf("SC_PAGE_SIZE")


def environment() -> dict[str, str]:
    """Of a user's machine: there, Python keeps the bytecode that it has compiled."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


class Server:
    """A child process that serves HTTP on 127.0.0.1."""

    def __init__(self, process: "subprocess.Popen[str]", port: int):
        self.process = process
        self.port = port

    @classmethod
    def bare(cls, bodies_file: str) -> "Server":
        command = [sys.executable, "-m", "benchmarks.bare", bodies_file]
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
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * _PAGE

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Connection:
    """One kept-alive connection that sends prepared requests and reads whole answers."""

    def __init__(self, server: Server):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = f"127.0.0.1:{server.port}"

    def prepare(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", "Accept: application/json"]
        head.append("User-Agent: bench/1.0")
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*head, "", ""]).encode() + body

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
