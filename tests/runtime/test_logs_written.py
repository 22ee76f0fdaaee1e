"""What users write into logs: kept in bounds, told to whoever listens, gone with the pod."""

import pytest

from miniplane.runtime.logs import written
from miniplane.runtime.logs.written import Book

KEY = ("uid", "web", 0)


def write(book, text, key=KEY, at=0):
    book.write(key, text.encode().split(), at=at, stream="stdout")


def texts(book, key=KEY):
    return [line.text.decode() for line in book.find(key)]


def check(book):
    """What has to be true of a book at any time."""
    logs = [log for pod in book._pods.values() for log in pod.values()]
    assert all(book._pods.values())
    assert book.size == sum(log.size for log in logs) <= written.TOTAL
    for log in logs:
        assert log.size == sum(len(line.text) + written.OVERHEAD for line in log.lines)
        assert log.size <= written.LIMIT
        assert log.lines or log.listeners


def pod(uid="uid", **more):
    return {"metadata": {"uid": uid, **more}}


def test_lines_are_kept_by_pod_container_and_run():
    book = Book()
    write(book, "a b")
    write(book, "c", ("uid", "sidecar", 0))
    write(book, "d", ("other", "web", 0))
    write(book, "e")
    assert texts(book) == ["a", "b", "e"]
    assert texts(book, ("uid", "sidecar", 0)) == ["c"]
    assert texts(book, ("other", "web", 0)) == ["d"]
    assert texts(book, ("uid", "web", 1)) == []
    check(book)


def test_of_earlier_runs_the_last_one_is_kept():
    book = Book()
    for run in range(3):
        write(book, f"run-{run}", ("uid", "web", run))
        write(book, f"run-{run}", ("uid", "sidecar", 0))
        check(book)
    assert [texts(book, ("uid", "web", run)) for run in range(3)] == [[], ["run-1"], ["run-2"]]
    assert texts(book, ("uid", "sidecar", 0)) == ["run-0", "run-1", "run-2"]


def test_a_log_loses_its_oldest_lines(monkeypatch):
    monkeypatch.setattr(written, "LIMIT", 4 * (written.OVERHEAD + 1))
    book = Book()
    log, close = book.listen(KEY, lambda *_: None)
    write(book, "a b c d e f")
    assert texts(book) == ["c", "d", "e", "f"]
    assert (log.first, log.next) == (2, 6)
    assert [line.text for line in log.since(0)] == [b"c", b"d", b"e", b"f"]
    assert [line.text for line in log.since(5)] == [b"f"]
    assert log.since(6) == []
    write(book, "x" * 10_000)
    [line] = book.find(KEY)
    assert len(line.text) + written.OVERHEAD == written.LIMIT
    close()
    check(book)


def test_beyond_the_total_the_longest_log_loses_its_older_half(monkeypatch):
    size = written.OVERHEAD + 1
    monkeypatch.setattr(written, "TOTAL", 10 * size)
    book = Book()
    write(book, "a b", ("one", "web", 0))
    write(book, "a b c d e f g h", ("two", "web", 0))
    write(book, "c", ("one", "web", 0))
    check(book)
    assert texts(book, ("one", "web", 0)) == ["a", "b", "c"]
    assert texts(book, ("two", "web", 0)) == ["e", "f", "g", "h"]


def test_listeners_hear_of_writes_and_of_their_pod():
    book = Book()
    heard = []
    log, close = book.listen(KEY, lambda pod, gone: heard.append((pod, gone)))
    write(book, "a")
    write(book, "b", ("uid", "sidecar", 0))
    book.pod_changed(pod("other"), pod("other"))
    book.pod_changed(pod(), pod(generation=2))
    assert heard == [(None, False), (pod(generation=2), False)]
    book.pod_changed(pod(generation=2), None)
    assert heard[2:] == [(pod(generation=2), True)]
    # Who listens can still read what there was.
    assert [line.text for line in log.since(0)] == [b"a"]
    assert (len(book), book.size) == (0, 0)
    close()
    check(book)


def test_nothing_is_left_of_readers():
    book = Book()
    _, first = book.listen(KEY, lambda *_: None)
    _, second = book.listen(KEY, lambda *_: None)
    first()
    first()
    assert len(book) == 1
    second()
    assert len(book) == 0
    book.write(KEY, [], at=0, stream="stdout")
    assert len(book) == 0


@pytest.mark.parametrize("seed", range(5))
def test_any_story_keeps_the_bounds(monkeypatch, seed):
    from miniplane.ids import Ids

    monkeypatch.setattr(written, "LIMIT", 2_000)
    monkeypatch.setattr(written, "TOTAL", 5_000)
    random = Ids(seed)
    book = Book()
    closes = []
    for _ in range(500):
        uid = f"pod-{random.integer(0, 4)}"
        key = (uid, f"c-{random.integer(0, 1)}", random.integer(0, 3))
        match random.integer(0, 5):
            case 0:
                book.pod_changed(pod(uid), None)
            case 1:
                closes.append(book.listen(key, lambda *_: None)[1])
            case 2 if closes:
                closes.pop(random.integer(0, len(closes) - 1))()
            case _:
                write(book, "x" * random.integer(1, 700), key)
        check(book)
    for close in closes:
        close()
    for number in range(5):
        book.pod_changed(pod(f"pod-{number}"), None)
    assert (len(book), book.size) == (0, 0)
