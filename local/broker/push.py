"""Push delivery: a message is an HTTP POST, the status of the answer its ack or nack."""

import asyncio
import contextlib
import json
import logging
import uuid
from urllib.parse import urlsplit

from google.protobuf.json_format import MessageToDict

from local.broker.limits import Proto, RequestError
from local.broker.store import Store

_CONCURRENCY = 8  # requests under way for one subscription
_LEASE_S = 1200  # longer than any request, so that a timeout is one nack and not two
_ACK_STATUSES = {102, 200, 201, 202, 204}


async def push(store: Store, name: str) -> None:
    """Post the messages of a subscription as long as it has an endpoint."""
    holder = str(uuid.uuid4())
    async with asyncio.TaskGroup() as posts:
        with contextlib.suppress(RequestError):  # the subscription was deleted
            async for batch in store.leases(name, holder, _LEASE_S, _CONCURRENCY):
                spec = store.get(name)
                if not spec.push_config.push_endpoint:
                    store.evict(holder)
                    break
                for received in batch:
                    posts.create_task(_deliver(store, spec, received))


async def _deliver(store: Store, spec: Proto, received: Proto) -> None:
    url, timeout_s = spec.push_config.push_endpoint, spec.ack_deadline_seconds
    status: object
    try:
        status = await asyncio.wait_for(_post(url, _envelope(spec.name, received)), timeout_s)
    except (OSError, ValueError) as error:  # a timeout is an OSError
        status = error
    with contextlib.suppress(RequestError):  # the subscription was deleted
        if status in _ACK_STATUSES:
            store.acknowledge(spec.name, [received.ack_id])
        else:
            logging.warning("push of %s to %s: %r", received.message.message_id, url, status)
            store.modify_deadline(spec.name, [received.ack_id], 0)


def _envelope(subscription: str, received: Proto) -> bytes:
    message = {"data": "", "attributes": {}} | MessageToDict(received.message)
    message |= {"message_id": message["messageId"], "publish_time": message["publishTime"]}
    envelope = {"message": message, "subscription": subscription}
    if received.delivery_attempt:
        envelope["deliveryAttempt"] = received.delivery_attempt
    return json.dumps(envelope).encode()


async def _post(url: str, body: bytes) -> int:
    # On asyncio's streams: a thread in an HTTP library would outlive its timeout and the stop.
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    with contextlib.closing(writer):
        head = f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        _, status, *_ = (await reader.readline()).split()
    return int(status)
