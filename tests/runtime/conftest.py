"""A small API server as a client over a dictionary and a log: the rules that the runtime relies on,
and no others."""

import asyncio
import collections
import itertools
from typing import Any

import pytest

from miniplane.api import errors
from miniplane.api.objects import key_of, thaw
from miniplane.api.options import DeleteOptions
from miniplane.client.protocol import ClientEvent, ObjectList, PlainHandle, WatchEnded
from miniplane.clock import VirtualClock


class FakeWatch:
    def __init__(self, api, resource, after):
        self.api = api
        self.resource = resource
        self.after = after
        self.error = None
        self.waiter = None
        api.watches[self] = None

    def _ready(self):
        return [e for r, n, e in self.api.log if r is self.resource and n > self.after]

    @property
    def pending(self):
        return self.error is not None or bool(self._ready())

    async def next(self, timeout=None):
        while self.error is None:
            events = self._ready()
            if events:
                self.after = int(events[-1].resource_version)
                return events
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        raise self.error

    def wake(self):
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def fail(self, error):
        self.error = error
        self.wake()

    def close(self):
        self.api.watches.pop(self, None)
        self.fail(WatchEnded())


class FakeApi:
    def __init__(self, manager="test", shared=None):
        self.manager = manager
        if shared is not None:
            self.__dict__.update({k: v for k, v in shared.__dict__.items() if k != "manager"})
            self._revision = shared._revision
            return
        self.objects = collections.defaultdict(dict)
        self.log = []
        self.watches = {}
        self.calls = []
        self._revision = itertools.count(1)
        self.last = [0]
        self.forgotten = [0]
        self.fail_next = collections.defaultdict(list)

    def with_manager(self, manager, *, user=None):
        return FakeApi(manager, shared=self)

    def _call(self, verb, resource, name=""):
        self.calls.append((self.manager, verb, resource.plural, name))
        if self.fail_next[verb]:
            raise self.fail_next[verb].pop(0)

    def _write(self, kind, resource, obj):
        revision = self.last[0] = next(self._revision)
        obj["metadata"]["resourceVersion"] = str(revision)
        event = ClientEvent(kind, PlainHandle(obj), str(revision))
        self.log.append((resource, revision, event))
        for watch in list(self.watches):
            if watch.resource is resource:
                watch.wake()
        return obj

    def find(self, resource, name, namespace=""):
        key = f"{namespace}/{name}" if namespace else name
        found = self.objects[resource].get(key)
        if found is None:
            raise errors.not_found(resource, name)
        return found

    async def get(self, resource, name, namespace="", *, subresource=""):
        self._call("get", resource, name)
        return self.find(resource, name, namespace)

    async def list(self, resource, namespace="", *, label_selector="", field_selector=""):
        self._call("list", resource)
        items = [PlainHandle(o) for _, o in sorted(self.objects[resource].items())]
        return ObjectList(items, str(self.last[0]))

    async def create(self, resource, obj, *, namespace="", name="", subresource=""):
        obj = thaw(obj)
        self._call("create", resource, obj["metadata"]["name"])
        key = key_of(obj)
        if key in self.objects[resource]:
            raise errors.already_exists(resource, obj["metadata"]["name"])
        obj["metadata"]["uid"] = f"uid-{self.last[0] + 1}"
        self.objects[resource][key] = obj
        return self._write("ADDED", resource, obj)

    async def update(self, resource, obj, *, subresource=""):
        obj = thaw(obj)
        meta = obj["metadata"]
        self._call("update", resource, meta["name"])
        old = self.find(resource, meta["name"], meta.get("namespace", ""))
        if meta.get("resourceVersion") != old["metadata"]["resourceVersion"]:
            raise errors.stale_revision(resource, meta["name"])
        self.objects[resource][key_of(obj)] = obj
        return self._write("MODIFIED", resource, obj)

    async def patch(
        self, resource, name, patch: Any, namespace="", *, patch_type="", subresource=""
    ):
        self._call("patch", resource, name)
        obj = {**thaw(self.find(resource, name, namespace)), **patch}
        self.objects[resource][key_of(obj)] = obj
        return self._write("MODIFIED", resource, obj)

    async def delete(self, resource, name, namespace="", *, options=DeleteOptions()):  # noqa: B008
        self._call("delete", resource, name)
        obj = thaw(self.find(resource, name, namespace))
        del self.objects[resource][key_of(obj)]
        self._write("DELETED", resource, obj)

    async def watch(self, resource, namespace="", *, resource_version, **_: Any):
        self._call("watch", resource)
        if int(resource_version) < self.forgotten[0]:
            raise errors.expired("too old resource version")
        return FakeWatch(self, resource, int(resource_version))

    def expire(self):
        """Forget the history: every watch has to start over."""
        self.log.clear()
        self.forgotten[0] = self.last[0]
        for watch in list(self.watches):
            watch.fail(errors.expired("too old resource version"))

    def end_watches(self):
        for watch in list(self.watches):
            watch.fail(WatchEnded())


@pytest.fixture
def api():
    return FakeApi()


@pytest.fixture
def make_api():
    return FakeApi


@pytest.fixture
def clock():
    return VirtualClock()
