"""The broker's state in one SQLite file. It survives a restart, except for leases."""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from google.pubsub_v1 import types
from grpc import StatusCode

# A bare protobuf object, faster than its wrapper; its class is created at run time, without a type.
Proto: TypeAlias = Any
_TICK_S = 0.1  # how exactly leases and backoffs end
_COMMIT_DELAY_S = 0.002  # what arrives within it shares one fsync
_MAX_RESPONSE_BYTES = 3_000_000  # a client in emulator mode receives 4 MiB at most
_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;  -- a second broker on this file fails at its start
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS specs (name TEXT PRIMARY KEY, spec BLOB);
CREATE TABLE IF NOT EXISTS messages (  -- one row for each subscription, until acked or dead
  id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT, body BLOB, attempts INTEGER DEFAULT 0,
  due REAL,      -- Unix time when the lease ends or, without one, when the next attempt may begin
  holder TEXT);  -- who has the lease; NULL: nobody
CREATE INDEX IF NOT EXISTS messages_waiting ON messages (subscription, due) WHERE holder IS NULL;
CREATE INDEX IF NOT EXISTS messages_leased ON messages (holder, due) WHERE holder NOTNULL;
"""
_PUBLISH = "INSERT INTO messages (subscription, body, due) VALUES (?, ?, ?)"
_NEXT = """
SELECT id, attempts + 1, body FROM messages
WHERE subscription = ? AND holder IS NULL AND due <= ? ORDER BY due
LIMIT max(0, ? - (SELECT count(*) FROM messages WHERE holder = ?))"""
_LEASE = "UPDATE messages SET holder = ?, due = ?, attempts = attempts + 1 WHERE id = ?"
# Not for an expired lease: a late extension must not undo a nack.
_EXTEND = """
UPDATE messages SET due = ?
WHERE subscription = ? AND id = ? AND attempts = ? AND holder NOTNULL AND due > ?"""
# A lease taken back is neither a nack nor an expiry: the attempt does not count.
_RELEASE = "UPDATE messages SET holder = NULL, due = 0, attempts = attempts - 1 WHERE holder "
_ENDED = "SELECT subscription, id, attempts, body FROM messages WHERE holder NOTNULL AND due <= ?"
_RETRY = "UPDATE messages SET holder = NULL, due = ? WHERE id = ?"
_DELETE = "DELETE FROM messages WHERE subscription = ? AND id = ? AND attempts = ?"


class RequestError(Exception):
    """A request that cannot be fulfilled; the arguments are a gRPC status code and the reason."""


class Store:
    """The broker's state. Use it only in the event loop's thread."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=0)
        self._db.executescript(_SCHEMA)
        self._db.execute(_RELEASE + "NOTNULL")
        self._specs: dict[str, Proto] = {}  # topics and subscriptions by full name
        for name, spec in self._db.execute("SELECT name, spec FROM specs"):
            kind = types.Topic if "/topics/" in name else types.Subscription
            self._specs[name] = kind.pb().FromString(spec)
        self.change = asyncio.Event()  # wakes who waits for messages, but is never left set

    async def committed(self) -> None:
        """Wait until all changes so far are on disk."""
        await asyncio.sleep(_COMMIT_DELAY_S)
        self._db.commit()

    def check(self) -> None:
        """Raise sqlite3.DatabaseError if the file is damaged anywhere."""
        [found] = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            error = sqlite3.DatabaseError(" ".join(found.split()))
            error.sqlite_errorname = "SQLITE_CORRUPT"
            raise error

    def _wake(self) -> None:
        self.change.set()
        self.change.clear()

    def get(self, name: str) -> Proto:
        """Return the topic or subscription of this name."""
        if name not in self._specs:
            raise RequestError(StatusCode.NOT_FOUND, f"{name} does not exist")
        return self._specs[name]

    def subscriptions(self) -> list[Proto]:
        """Return all subscriptions."""
        return [spec for name, spec in self._specs.items() if "/subscriptions/" in name]

    def save(self, spec: Proto, *, replace: bool = False) -> Proto:
        """Add or replace a topic or a subscription, and return it."""
        if spec.name in self._specs and not replace:
            raise RequestError(StatusCode.ALREADY_EXISTS, f"{spec.name} exists already")
        if spec.DESCRIPTOR.name == "Subscription":
            self.get(spec.topic)
            if spec.HasField("dead_letter_policy"):
                self.get(spec.dead_letter_policy.dead_letter_topic)
        self._specs[spec.name] = spec
        self._db.execute("REPLACE INTO specs VALUES (?, ?)", (spec.name, spec.SerializeToString()))
        return spec

    def delete(self, name: str) -> None:
        """Delete a subscription with its messages, or a topic: its subscriptions keep theirs."""
        del self._specs[self.get(name).name]
        self._db.execute("DELETE FROM specs WHERE name = ?", (name,))
        self._db.execute("DELETE FROM messages WHERE subscription = ?", (name,))

    def publish(self, topic: str, messages: Iterable[Proto]) -> list[str]:
        """Queue messages in every subscription of the topic; return their new ids."""
        self.get(topic)
        targets = [spec.name for spec in self.subscriptions() if spec.topic == topic]
        for message in messages:
            message.message_id = str(uuid.uuid4().int)  # digits, as Google's
            message.publish_time.GetCurrentTime()
            now, body = time.time(), message.SerializeToString()
            self._db.executemany(_PUBLISH, [(target, body, now) for target in targets])
        self._wake()
        return [message.message_id for message in messages]

    def lease(self, name: str, holder: str, lease_s: float, limit: int) -> list[Proto]:
        """Lease due messages, at most ``limit`` per holder; may be empty."""
        counted = self.get(name).HasField("dead_letter_policy")
        now, size = time.time(), 0
        leased: dict[int, Proto] = {}
        for row, attempt, body in self._db.execute(_NEXT, (name, now, limit, holder)):
            size += len(body)
            if leased and size > _MAX_RESPONSE_BYTES:
                break
            leased[row] = types.ReceivedMessage.pb()(ack_id=f"{row}.{attempt}")
            leased[row].message.ParseFromString(body)
            leased[row].delivery_attempt = attempt if counted else 0
        self._db.executemany(_LEASE, [(holder, now + lease_s, row) for row in leased])
        return list(leased.values())

    def release(self, holder: str) -> None:
        """Take back all leases of a holder."""
        self._db.execute(_RELEASE + "= ?", (holder,))

    def take_back(self, name: str, ack_id: str) -> None:
        """Take back one lease, of a message that could not be delivered."""
        row, _, attempt = ack_id.partition(".")
        this = "NOTNULL AND subscription = ? AND id = ? AND attempts = ?"
        self._db.execute(_RELEASE + this, (name, row, attempt))

    def acknowledge(self, name: str, ack_ids: Iterable[str]) -> None:
        """Delete messages; unknown or outdated ack ids are ignored."""
        self._db.executemany(_DELETE, [(name, *i.partition(".")[::2]) for i in ack_ids])
        self._wake()

    def modify_deadline(self, name: str, ack_ids: Iterable[str], lease_s: int) -> None:
        """Let leases end in this many seconds; a nack is a lease that ends at once."""
        now = time.time()
        leases = [(now + lease_s, name, *i.partition(".")[::2], now) for i in ack_ids]
        self._db.executemany(_EXTEND, leases)

    async def sweep(self) -> None:
        """End leases and commit changes that nobody waits for, until cancelled."""
        while True:
            for ended in self._db.execute(_ENDED, (time.time(),)).fetchall():
                self._end_lease(*ended)
            await self.committed()
            self._wake()
            await asyncio.sleep(_TICK_S)

    def _end_lease(self, subscription: str, row: int, attempts: int, body: bytes) -> None:
        spec = self._specs[subscription]
        dead = spec.dead_letter_policy
        if dead.dead_letter_topic in self._specs and attempts >= dead.max_delivery_attempts:
            self._db.execute(_DELETE, (subscription, row, attempts))
            self.publish(dead.dead_letter_topic, [_dead_letter(subscription, attempts, body)])
        else:
            self._db.execute(_RETRY, (time.time() + _backoff_s(spec.retry_policy, attempts), row))


def _backoff_s(policy: Proto, attempts: int) -> float:
    bounds = policy.minimum_backoff, policy.maximum_backoff  # 0 s without a policy
    shortest_s, longest_s = [bound.ToTimedelta().total_seconds() for bound in bounds]
    return float(min(longest_s, shortest_s * 2 ** min(attempts - 1, 32)))


def _dead_letter(subscription: str, attempts: int, body: bytes) -> Proto:
    message = types.PubsubMessage.pb().FromString(body)
    _, project, _, subscription_id = subscription.split("/")
    source = "CloudPubSubDeadLetterSource"
    message.attributes[source + "DeliveryCount"] = str(attempts)
    message.attributes[source + "Subscription"] = subscription_id
    message.attributes[source + "SubscriptionProject"] = project
    message.attributes[source + "TopicPublishTime"] = message.publish_time.ToJsonString()
    return message
