"""Push delivery: a message is an HTTP POST, the status of the answer its ack or nack."""

import asyncio
import logging

import requests
from google.protobuf.json_format import MessageToDict

from local.broker.store import Proto, Store

_CONCURRENCY = 8  # requests under way for one subscription
_LEASE_S = 1200  # longer than any request, so that a timeout is one nack and not two


async def push(store: Store) -> None:
    """Post the messages of all push subscriptions, until cancelled."""
    async with asyncio.TaskGroup() as posts:
        while True:
            for spec in store.subscriptions():
                if spec.push_config.push_endpoint:
                    for received in store.lease(spec.name, spec.name, _LEASE_S, _CONCURRENCY):
                        posts.create_task(_deliver(store, spec, received))
            await store.change.wait()


async def _deliver(store: Store, spec: Proto, received: Proto) -> None:
    status = await asyncio.to_thread(_post, spec, received)
    if status in (102, 200, 201, 202, 204):  # Google's list
        store.acknowledge(spec.name, [received.ack_id])
    else:
        logging.warning("push of %s to %s: %r", received.ack_id, spec.name, status)
        store.modify_deadline(spec.name, [received.ack_id], 0)


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
