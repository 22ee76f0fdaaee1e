"""A storm of changes to ConfigMaps, and whether who watched it saw all of it, once and in order.

Several writers create, update and delete at the same time, each its own objects by a plan that is
drawn from a seed. So the story of each object is known beforehand, but for the revisions, which the
server tells with its answers.
"""

import asyncio
import dataclasses
import random
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp

WRITERS = 16
CHANGES = 10_000
SECONDS = 2.5
"""How long a storm lasts at least, so that watches of one second end in the midst of it."""
END = "storm-end"
"""The object that is created when all else is written: who has seen it has seen everything."""


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What happens to one ConfigMap. `number` stands in its data and is never used twice."""

    type: str
    name: str
    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """An event as a client told it; of deletes only the revision of the delete itself."""

    type: str
    name: str
    revision: int
    number: int


def seen(type: str, body: Mapping[str, Any]) -> Seen:
    """The event of an object that is a ConfigMap as JSON has it."""
    metadata = body["metadata"]
    number = int((body.get("data") or {}).get("number", -1))
    return Seen(type, metadata["name"], int(metadata["resourceVersion"]), number)


def plan(seed: int, changes: int = CHANGES) -> list[list[Change]]:
    """What each writer does, one after the other. Names come back after they were deleted."""
    chance = random.Random(seed)
    plans: list[list[Change]] = [[] for _ in range(WRITERS)]
    living: list[list[str]] = [[] for _ in range(WRITERS)]
    gone: list[list[str]] = [[] for _ in range(WRITERS)]
    for number in range(changes):
        writer = number % WRITERS
        mine, past = living[writer], gone[writer]
        dice = chance.random()
        if dice < 0.25 or not mine:
            again = past and chance.random() < 0.5
            name = past.pop(0) if again else f"storm-{writer}-{number}"
            mine.append(name)
            change = Change("ADDED", name, number)
        elif dice < 0.8:
            change = Change("MODIFIED", chance.choice(mine), number)
        else:
            name = mine.pop(chance.randrange(len(mine)))
            past.append(name)
            change = Change("DELETED", name, number)
        plans[writer].append(change)
    return plans


class Storm:
    """Runs in a thread of its own: `start`, then `end` for what is there afterwards."""

    def __init__(
        self,
        url: str,
        namespace: str,
        *,
        seed: int,
        changes: int = CHANGES,
        seconds: float = SECONDS,
    ) -> None:
        self._place = f"{url}/api/v1/namespaces/{namespace}/configmaps"
        self._plans = plan(seed, changes)
        self._seconds = seconds
        self._thread = threading.Thread(target=self._run)
        self._failure: BaseException | None = None
        self._story: dict[str, list[tuple[str, int | None, int]]] = {}
        self.done = 0
        """How many changes are written."""

    def start(self) -> None:
        self._thread.start()

    def reach(self, part: float) -> None:
        """Wait until more than this part of the changes is written, for as long as it goes on."""
        while self.done <= part * CHANGES and self._thread.is_alive():
            self._thread.join(0.01)

    def end(self) -> dict[str, int]:
        """Wait for the end; the revision of each object that the server lists then."""
        self._thread.join()
        if self._failure:
            raise self._failure
        return self._listed

    def revisions(self) -> list[int]:
        """Those of all creates and updates, rising."""
        told = (revision for story in self._story.values() for _, revision, _ in story)
        return sorted(revision for revision in told if revision)

    def check(self, events: Iterable[Seen]) -> None:
        """Nothing is lost, nothing doubled, and all of it in order. AssertionError otherwise.

        The events are those of one watch, however often it was restarted, from before the storm
        up to `END`; objects that are not the storm's may be among them.
        """
        last = 0
        told: dict[str, list[tuple[str, int | None, int]]] = {}
        for event in events:
            assert event.revision > last, f"{event} after revision {last}"
            last = event.revision
            if event.name in self._story:
                revision = None if event.type == "DELETED" else event.revision
                told.setdefault(event.name, []).append((event.type, revision, event.number))
        wrong = {
            name: {"written": story, "seen": told.get(name)}
            for name, story in self._story.items()
            if told.get(name) != story
        }
        assert not wrong, f"{len(wrong)} of {len(self._story)}, such as {next(iter(wrong.items()))}"

    def _run(self) -> None:
        try:
            asyncio.run(self._write())
        except BaseException as failure:
            self._failure = failure

    async def _write(self) -> None:
        connector = aiohttp.TCPConnector(limit=WRITERS)
        async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:
            async with asyncio.TaskGroup() as writers:
                for changes in self._plans:
                    writers.create_task(self._writer(session, changes))
            await self._change(session, Change("ADDED", END, 0))
            async with session.get(self._place) as answer:
                items = (await answer.json())["items"]
        self._listed = {
            item["metadata"]["name"]: int(item["metadata"]["resourceVersion"]) for item in items
        }

    async def _writer(self, session: aiohttp.ClientSession, changes: list[Change]) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number, change in enumerate(changes):
            await self._change(session, change)
            self.done += 1
            early = begin + self._seconds * number / len(changes) - loop.time()
            if early > 0.01:
                await asyncio.sleep(early)

    async def _change(self, session: aiohttp.ClientSession, change: Change) -> None:
        story = self._story.setdefault(change.name, [])
        data = {"data": {"number": str(change.number)}}
        if change.type == "DELETED":
            async with session.delete(f"{self._place}/{change.name}"):
                pass
            # An object goes as it was: the number is that of its last write.
            story.append(("DELETED", None, story[-1][2]))
            return
        if change.type == "ADDED":
            body = {"metadata": {"name": change.name}, **data}
            request = session.post(self._place, json=body)
        elif change.number % 2:
            body = {"metadata": {"name": change.name}, **data}
            request = session.put(f"{self._place}/{change.name}", json=body)
        else:
            merge = {"Content-Type": "application/merge-patch+json"}
            request = session.patch(f"{self._place}/{change.name}", json=data, headers=merge)
        async with request as answer:
            revision = int((await answer.json())["metadata"]["resourceVersion"])
        story.append((change.type, revision, change.number))
