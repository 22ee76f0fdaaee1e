import http.server
import json
import threading

import pytest

from miniplane.cli import main


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes every request; answers what the test says."""

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.seen.append((self.command, self.path, body))
        code, answer = self.server.answer
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_DELETE = do_POST

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = []
        server.answer = (200, {})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        # Proxies are for the outside world.
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("MINIPLANE_SERVER", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def test_a_node_is_added_with_the_mark_of_simulation(server, capsys):
    assert main.main(["node", "add", "n1", "--label", "zone=a", "--label", "b="]) == 0
    assert capsys.readouterr().out == "node/n1 added\n"
    [(method, path, node)] = server.seen
    assert (method, path) == ("POST", "/api/v1/nodes?fieldManager=miniplane")
    assert node == {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "n1",
            "annotations": {"miniplane.dev/simulated": "true"},
            "labels": {"zone": "a", "b": ""},
        },
    }


def test_a_node_is_removed(server, capsys):
    assert main.main(["node", "remove", "n1"]) == 0
    assert capsys.readouterr().out == "node/n1 removed\n"
    assert server.seen == [("DELETE", "/api/v1/nodes/n1", None)]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            (409, {"message": 'nodes "n1" already\nexists'}),
            'miniplane: nodes "n1" already exists\n',
        ),
        ((500, b"oops"), "miniplane: the server answered 500 Internal Server Error\n"),
    ],
)
def test_what_the_server_says_is_passed_on(server, capsys, answer, line):
    server.answer = answer
    assert main.main(["node", "add", "n1"]) == 1
    assert capsys.readouterr() == ("", line)


def test_an_answer_that_is_none(server, capsys):
    server.answer = (200, b"<html>")
    assert main.main(["node", "add", "n1"]) == 1
    assert capsys.readouterr().err.startswith("miniplane: no answer from http://127.0.0.1:")


def test_a_server_that_is_not_there(capsys):
    assert main.main(["node", "add", "n1", "--server", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == (
        "miniplane: no answer from http://127.0.0.1:1: connection refused\n"
    )


def test_a_label_needs_a_key_and_a_value(capsys):
    assert main.main(["node", "add", "n1", "--label", "zone"]) == 2
    assert capsys.readouterr().err == "miniplane: --label: KEY=VALUE is wanted, not 'zone'\n"
