"""All that the broker keeps, in one SQLite file: topics, subscriptions, messages and leases.

A row of ``deliveries`` is one message for one subscription; it goes when the message is
acknowledged or dead-lettered. Requests that arrive together share one commit.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from google.pubsub_v1 import types
from grpc import StatusCode

from local.broker.limits import Proto, RequestError, backoff_s, check_spec, require

_TICK_S = 0.1  # how exactly leases and backoffs end
_COMMIT_DELAY_S = 0.002  # what arrives within it shares one fsync
_MAX_RESPONSE_BYTES = 3_000_000  # a client in emulator mode receives 4 MiB at most
_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;  -- a second broker on this file fails at its start
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS specs (name TEXT PRIMARY KEY, spec BLOB);
CREATE TABLE IF NOT EXISTS deliveries (
  subscription TEXT, message_id INTEGER, attempts INTEGER DEFAULT 0, body BLOB,
  holder TEXT,  -- who has the lease; NULL: nobody
  due REAL,     -- Unix time when the lease ends or, without one, when the next attempt may begin
  PRIMARY KEY (subscription, message_id));
CREATE INDEX IF NOT EXISTS waiting ON deliveries (subscription, due) WHERE holder IS NULL;
CREATE INDEX IF NOT EXISTS leased ON deliveries (holder, due) WHERE holder IS NOT NULL;
"""
_PUBLISH = "INSERT INTO deliveries (subscription, message_id, due, body) VALUES (?, ?, ?, ?)"
_NEXT = """
SELECT message_id, attempts + 1, body FROM deliveries
WHERE subscription = ? AND holder IS NULL AND due <= ? ORDER BY due
LIMIT max(0, ? - (SELECT count(*) FROM deliveries WHERE holder = ?))"""
_LEASE = """
UPDATE deliveries SET holder = ?, due = ?, attempts = attempts + 1
WHERE subscription = ? AND message_id = ?"""
_EXTEND = """
UPDATE deliveries SET due = ?
WHERE subscription = ? AND message_id = ? AND attempts = ? AND holder IS NOT NULL"""
# A lease taken back is neither a nack nor an expiry: its attempt does not count.
_RELEASE = "UPDATE deliveries SET holder = NULL, due = 0, attempts = attempts - 1 WHERE holder "
_ENDED = """
SELECT subscription, message_id, attempts, body FROM deliveries
WHERE holder IS NOT NULL AND due <= ?"""
_RETRY = "UPDATE deliveries SET holder = NULL, due = ? WHERE subscription = ? AND message_id = ?"
_DELETE = "DELETE FROM deliveries WHERE subscription = ? AND message_id = ? AND attempts = ?"


class Store:
    """The broker's state. Only for the event loop's thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=0)
        self._db.executescript(_SCHEMA)
        self._db.execute(_RELEASE + "IS NOT NULL")
        newest = self._db.execute("SELECT max(message_id) FROM deliveries").fetchone()
        self._last_id: int = newest[0] or 0
        self._commit: asyncio.Task[None] | None = None
        self._changes: dict[str, asyncio.Event] = {}
        self._evicted: set[str] = set()
        self.stopping = False
        self.specs: dict[str, Proto] = {}  # topics and subscriptions by full name
        for name, spec in self._db.execute("SELECT name, spec FROM specs"):
            kind = types.Topic if "/topics/" in name else types.Subscription
            self.specs[name] = kind.pb().FromString(spec)

    def close(self) -> None:
        """Commit and close the file."""
        self._db.commit()
        self._db.close()

    async def committed(self) -> None:
        """Wait until all that was done so far is on the disk."""
        if self._commit is None:
            self._commit = asyncio.create_task(self._commit_soon())
        await asyncio.shield(self._commit)

    async def _commit_soon(self) -> None:
        await asyncio.sleep(_COMMIT_DELAY_S)
        self._commit = None
        self._db.commit()

    def get(self, name: str) -> Proto:
        """Return the topic or subscription of this name."""
        if name not in self.specs:
            raise RequestError(StatusCode.NOT_FOUND, f"{name} does not exist")
        return self.specs[name]

    def named(self, prefix: str) -> list[Proto]:
        """Return the topics or subscriptions whose full names begin so."""
        return [spec for name, spec in self.specs.items() if name.startswith(prefix)]

    def _subscriptions(self, topic: str) -> list[Proto]:
        return [s for n, s in self.specs.items() if "/subscriptions/" in n and s.topic == topic]

    def create(self, spec: Proto) -> Proto:
        """Add a topic or a subscription; return it with its defaults filled in."""
        check_spec(spec)
        if spec.name in self.specs:
            raise RequestError(StatusCode.ALREADY_EXISTS, f"{spec.name} exists already")
        if "/subscriptions/" in spec.name:
            self.get(spec.topic)
        return self.save(spec)

    def save(self, spec: Proto) -> Proto:
        """Add or replace a topic or a subscription; return it with its defaults filled in."""
        check_spec(spec)
        if "/subscriptions/" in spec.name and spec.HasField("dead_letter_policy"):
            self.get(spec.dead_letter_policy.dead_letter_topic)
        self.specs[spec.name] = spec
        self._write(spec)
        return spec

    def _write(self, spec: Proto) -> None:
        row = (spec.name, spec.SerializeToString())
        self._db.execute("INSERT OR REPLACE INTO specs VALUES (?, ?)", row)

    def delete(self, name: str) -> None:
        """Delete a subscription with its messages, or a topic: its subscriptions keep theirs."""
        del self.specs[self.get(name).name]
        self._db.execute("DELETE FROM specs WHERE name = ?", (name,))
        self._db.execute("DELETE FROM deliveries WHERE subscription = ?", (name,))
        for spec in self._subscriptions(name):
            spec.topic = "_deleted-topic_"
            self._write(spec)

    def publish(self, topic: str, messages: Iterable[Proto]) -> list[str]:
        """Queue messages in every subscription of the topic; return their new ids."""
        targets = [spec.name for spec in self._subscriptions(self.get(topic).name)]
        now, ids = time.time(), []
        for message in messages:
            # From the clock, so that a restarted broker does not use an id again.
            self._last_id = max(self._last_id + 1, int(now * 1e6))
            message.message_id = str(self._last_id)
            message.publish_time.FromMilliseconds(int(now * 1e3))
            body = message.SerializeToString()
            self._db.executemany(_PUBLISH, [(t, self._last_id, now, body) for t in targets])
            ids.append(message.message_id)
        for target in targets:
            self._wake(target)
        return ids

    async def leases(
        self, name: str, holder: str, lease_s: float, limit: int
    ) -> AsyncIterator[list[Proto]]:
        """Hand out messages as they come, the holder never having more than ``limit``."""
        while True:
            if holder in self._evicted:
                self._evicted.remove(holder)
                raise RequestError(StatusCode.ABORTED, "a newer stream of this client took over")
            if self.stopping:
                raise RequestError(StatusCode.UNAVAILABLE, "the broker is stopping")
            if leased := self._lease(name, holder, lease_s, limit):
                yield leased
            else:
                change = self._changes.setdefault(name, asyncio.Event())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(change.wait(), _TICK_S)

    def _lease(self, name: str, holder: str, lease_s: float, limit: int) -> list[Proto]:
        counted = self.get(name).HasField("dead_letter_policy")
        now, size = time.time(), 0
        leased: list[Proto] = []
        for message_id, attempt, body in self._db.execute(_NEXT, (name, now, limit, holder)):
            size += len(body)
            if leased and size > _MAX_RESPONSE_BYTES:
                break
            received = types.ReceivedMessage.pb()(ack_id=f"{message_id}.{attempt}")
            received.message.ParseFromString(body)
            received.delivery_attempt = attempt if counted else 0
            leased.append(received)
        rows = [(holder, now + lease_s, name, received.message.message_id) for received in leased]
        self._db.executemany(_LEASE, rows)
        return leased

    def _wake(self, subscription: str) -> None:
        if change := self._changes.pop(subscription, None):
            change.set()

    def evict(self, holder: str) -> None:
        """Take back all that the holder has on lease, and give it nothing more."""
        self._evicted.add(holder)
        self._db.execute(_RELEASE + "= ?", (holder,))

    def acknowledge(self, subscription: str, ack_ids: Iterable[str]) -> None:
        """Delete messages; an unknown ack id or one of an earlier delivery does nothing."""
        name = self.get(subscription).name
        self._db.executemany(_DELETE, [(name, *i.partition(".")[::2]) for i in ack_ids])
        self._wake(name)

    def modify_deadline(self, subscription: str, ack_ids: Iterable[str], lease_s: int) -> None:
        """Let leases end this many seconds from now; a nack is a lease that ends at once."""
        require(0 <= lease_s <= 600, "ack_deadline_seconds must be 0 to 600")
        name, due = self.get(subscription).name, time.time() + lease_s
        self._db.executemany(_EXTEND, [(due, name, *i.partition(".")[::2]) for i in ack_ids])
        self.expire()

    def expire(self) -> None:
        """Have the messages of ended leases delivered again, or dead-lettered."""
        now = time.time()
        for name, message_id, attempts, body in self._db.execute(_ENDED, (now,)).fetchall():
            spec, dead = self.specs[name], self.specs[name].dead_letter_policy
            if dead.dead_letter_topic in self.specs and attempts >= dead.max_delivery_attempts:
                self._db.execute(_DELETE, (name, message_id, attempts))
                self.publish(dead.dead_letter_topic, [_dead_letter(name, attempts, body)])
            else:
                self._db.execute(_RETRY, (now + backoff_s(spec, attempts), name, message_id))
            self._wake(name)


def _dead_letter(subscription: str, attempts: int, body: bytes) -> Proto:
    message = types.PubsubMessage.pb().FromString(body)
    _, project, _, subscription_id = subscription.split("/")
    source = "CloudPubSubDeadLetterSource"
    message.attributes[source + "DeliveryCount"] = str(attempts)
    message.attributes[source + "Subscription"] = subscription_id
    message.attributes[source + "SubscriptionProject"] = project
    message.attributes[source + "TopicPublishTime"] = message.publish_time.ToJsonString()
    return message
