"""Push delivery: a message is an HTTP POST, the response's status its ack or nack."""

import asyncio
import logging
from time import monotonic

import requests
from google.protobuf.json_format import MessageToDict
from urllib3.exceptions import NewConnectionError

from local.broker.store import Proto, Store

_CONCURRENCY = 8  # concurrent requests per subscription
_LEASE_S = 1200  # longer than any request, so that a timeout is one nack and not two
_ABSENCE_S = 0.5  # pause before retrying an endpoint that refuses connections


async def push(store: Store) -> None:
    """Push the messages of all push subscriptions until cancelled."""
    pushes = _Pushes(store)
    async with asyncio.TaskGroup() as posts:
        while True:
            for spec in store.subscriptions():
                for received in pushes.begin(spec):
                    posts.create_task(pushes.deliver(spec, received))
            await store.change.wait()


class _Pushes:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._absent: dict[str, float] = {}  # time of the next attempt, by subscription

    def begin(self, spec: Proto) -> list[Proto]:
        """Lease messages to post now."""
        is_absent = self._absent.get(spec.name, 0.0) > monotonic()
        if not spec.push_config.push_endpoint or is_absent:
            return []
        return self._store.lease(spec.name, spec.name, _LEASE_S, _CONCURRENCY)

    async def deliver(self, spec: Proto, received: Proto) -> None:
        status = await asyncio.to_thread(_post, spec, received)
        if status in (102, 200, 201, 202, 204):  # Google's list
            self._absent.pop(spec.name, None)
            self._store.acknowledge(spec.name, [received.ack_id])
            return
        is_known, is_absent = spec.name in self._absent, _nobody_listens(status)
        if not (is_known and is_absent):
            logging.warning("push of %s to %s: %r", received.ack_id, spec.name, status)
        if is_absent:
            self._absent[spec.name] = monotonic() + _ABSENCE_S
            self._store.take_back(spec.name, received.ack_id)
        else:
            self._store.modify_deadline(spec.name, [received.ack_id], 0)


def _post(spec: Proto, received: Proto) -> int | Exception:
    message = {"data": "", "attributes": {}} | MessageToDict(received.message)
    message |= {"message_id": message["messageId"], "publish_time": message["publishTime"]}
    body = {"message": message, "subscription": spec.name}
    if received.delivery_attempt:
        body["deliveryAttempt"] = received.delivery_attempt
    url, timeout_s = spec.push_config.push_endpoint, spec.ack_deadline_seconds
    try:
        answer = requests.post(url, json=body, timeout=timeout_s, allow_redirects=False)
    except (OSError, ValueError) as error:  # a bad address is a ValueError
        return error
    return answer.status_code


def _nobody_listens(status: int | Exception) -> bool:
    """Return whether a message was never sent because its receiver is not up."""
    refused = status.args[0] if isinstance(status, requests.ConnectionError) else None
    return isinstance(getattr(refused, "reason", None), NewConnectionError)
