"""The subset of Google's Publisher and Subscriber services that the network uses, over a Store."""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from local.broker.store import Proto, RequestError, Store

Context: TypeAlias = "grpc.aio.ServicerContext[Proto, Proto]"

_PULL_WAIT_S = 3.0  # an empty pull is answered after this
_CHANGEABLE = {"ack_deadline_seconds", "dead_letter_policy", "push_config", "retry_policy"}
# All supported fields, with the validation of their values.
_SUPPORTED: dict[str, Callable[[Any], object]] = {
    "Topic.name": bool,
    "Subscription.name": bool,
    "Subscription.topic": bool,
    "Subscription.ack_deadline_seconds": lambda deadline_s: 10 <= deadline_s <= 600,
    "Subscription.dead_letter_policy": lambda policy: 5 <= policy.max_delivery_attempts <= 100,
    "Subscription.retry_policy": lambda policy: policy.HasField("maximum_backoff"),
    "Subscription.push_config": bool,
    "PushConfig.push_endpoint": bool,
    "PubsubMessage.data": bool,
    "PubsubMessage.attributes": bool,
}


class Broker:
    """The methods of both services over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._streams: dict[str, object] = {}  # client id -> its newest stream

    def handlers(self) -> "list[grpc.GenericRpcHandler[Proto, Proto]]":
        """Return the method handlers; gRPC responds UNIMPLEMENTED to every other method."""
        store = self._store
        unary: dict[str, Callable[[Proto], Proto]] = {
            "CreateTopic": self._create,
            "GetTopic": lambda r: store.get(r.topic),
            "DeleteTopic": lambda r: store.delete(r.topic),
            "Publish": self._publish,
            "CreateSubscription": self._create,
            "GetSubscription": lambda r: store.get(r.subscription),
            "UpdateSubscription": self._update,
            "DeleteSubscription": lambda r: store.delete(r.subscription),
            "Acknowledge": lambda r: store.acknowledge(store.get(r.subscription).name, r.ack_ids),
            "ModifyAckDeadline": lambda r: store.modify_deadline(
                store.get(r.subscription).name, r.ack_ids, r.ack_deadline_seconds
            ),
        }
        methods = {name: _handler(name, self._committed(unary[name])) for name in unary}
        methods["Pull"] = _handler("Pull", self._pull)
        methods["StreamingPull"] = _handler("StreamingPull", self._streaming_pull, streams=True)
        services = "google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber"
        return [grpc.method_handlers_generic_handler(service, methods) for service in services]

    def _committed(self, method: Callable[[Proto], Proto]) -> Callable[..., Awaitable[Proto]]:
        async def answer(request: Proto, _: object) -> Proto:
            response = method(request)
            await self._store.committed()
            return response or Empty()

        return answer

    def _create(self, spec: Proto) -> Proto:
        kind = spec.DESCRIPTOR.name.lower()
        name = rf"projects/[^/]+/{kind}s/(?!goog)[A-Za-z][\w.~+%-]{{2,254}}"
        _require(re.fullmatch(name, spec.name, re.A), f"{spec.name!r} is not the name of a {kind}")
        return self._store.save(_checked(spec))

    def _publish(self, request: Proto) -> Proto:
        for message in request.messages:
            _require(_checked(message).ListFields(), "a message needs data or attributes")
        ids = self._store.publish(request.topic, request.messages)
        return types.PublishResponse.pb()(message_ids=ids)

    def _update(self, request: Proto) -> Proto:
        mask, spec = request.update_mask, types.Subscription.pb()()
        _require(_CHANGEABLE.issuperset(mask.paths), f"only {sorted(_CHANGEABLE)} can be changed")
        spec.CopyFrom(self._store.get(request.subscription.name))
        mask.MergeMessage(request.subscription, spec, True, True)
        return self._store.save(_checked(spec), replace=True)

    async def _pull(self, request: Proto, _: object) -> Proto:
        name, count, holder = request.subscription, request.max_messages, str(uuid.uuid4())
        lease_s = self._store.get(name).ack_deadline_seconds
        end = monotonic() + (0 if request.return_immediately else _PULL_WAIT_S)
        while not (leased := self._store.lease(name, holder, lease_s, count)) and monotonic() < end:
            await self._store.change.wait()
        return types.PullResponse.pb()(received_messages=leased)

    async def _streaming_pull(self, requests: AsyncIterator[Proto], context: Context) -> None:
        first = await anext(aiter(requests), types.StreamingPullRequest.pb()())
        lease_s, limit = first.stream_ack_deadline_seconds, first.max_outstanding_messages or 1000
        _require(10 <= lease_s <= 600, "stream_ack_deadline_seconds must be 10 to 600")
        # After an outage a client may open two streams and read only the newer one.
        client = first.client_id or str(uuid.uuid4())
        stream = self._streams[client] = object()
        self._store.release(client)
        while self._streams[client] is stream:
            if leased := self._store.lease(first.subscription, client, lease_s, limit):
                await context.write(types.StreamingPullResponse.pb()(received_messages=leased))
            else:
                await self._store.change.wait()
        raise RequestError(grpc.StatusCode.ABORTED, "a newer stream of this client took over")


def _handler(
    name: str, method: Callable[..., Awaitable[Proto]], *, streams: bool = False
) -> "grpc.RpcMethodHandler[Proto, Proto]":
    async def answer(request: Proto, context: Context) -> Proto:
        try:
            return await method(request, context)
        except RequestError as error:
            await context.abort(*error.args)

    request = getattr(types, f"{name}Request", None) or getattr(types, name.removeprefix("Create"))
    make = grpc.stream_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
    return make(answer, request.pb().FromString, lambda response: response.SerializeToString())


def _require(condition: object, reason: str) -> None:
    if not condition:
        raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, reason)


def _checked(message: Proto) -> Proto:
    """Fill in defaults; refuse unsupported fields and invalid values."""
    if message.DESCRIPTOR.name == "Subscription":
        message.ack_deadline_seconds = message.ack_deadline_seconds or 10
        _checked(message.push_config)
    for field, value in message.ListFields():
        name = f"{message.DESCRIPTOR.name}.{field.name}"
        if name not in _SUPPORTED:
            raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"this broker has no {name}")
        _require(_SUPPORTED[name](value), f"{name} cannot be {value!r}")
    return message
