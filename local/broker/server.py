"""The gRPC side: Google's Publisher and Subscriber services over a Store."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from local.broker.limits import OPTIONS, Proto, RequestError, check_supported, require
from local.broker.push import push
from local.broker.store import Store

_SWEEP_S = 0.1  # between looks for leases that have ended
_PULL_WAIT_S = 30.0  # an empty pull is answered after this, or just before the client's deadline
_MAX_LEASED = 1000  # messages of one stream, unless its client wants fewer
_UNSYNCED = {"Acknowledge", "ModifyAckDeadline"}  # lost in a crash, they mean one more delivery
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Broker:
    """The methods of both services over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._streams: dict[str, str] = {}  # client id -> its newest stream, as holder of leases

    def handlers(self) -> "list[grpc.GenericRpcHandler[Any, Any]]":
        """Return what is served; gRPC answers UNIMPLEMENTED for every other method."""
        store = self._store
        unary: dict[str, Callable[[Proto], Proto]] = {
            "CreateTopic": store.create,
            "GetTopic": lambda r: store.get(r.topic),
            "ListTopics": self._list_topics,
            "DeleteTopic": lambda r: store.delete(r.topic),
            "Publish": self._publish,
            "CreateSubscription": store.create,
            "GetSubscription": lambda r: store.get(r.subscription),
            "ListSubscriptions": self._list_subscriptions,
            "UpdateSubscription": self._update,
            "DeleteSubscription": lambda r: store.delete(r.subscription),
            "Acknowledge": lambda r: store.acknowledge(r.subscription, r.ack_ids),
            "ModifyAckDeadline": self._modify_ack_deadline,
        }
        methods = {name: self._unary(name, method) for name, method in unary.items()}
        methods["Pull"] = _handler("Pull", self._pull)
        methods["StreamingPull"] = _handler("StreamingPull", self._streaming_pull, streams=True)
        services = "google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber"
        return [grpc.method_handlers_generic_handler(service, methods) for service in services]

    def _unary(self, name: str, method: Callable[[Proto], Proto]) -> _Handler:
        async def answer(request: Proto, context: _Context) -> Proto:
            async with _status(context):
                response = method(request)
                if name not in _UNSYNCED:
                    await self._store.committed()
                return response or Empty()

        return _handler(name, answer)

    async def run(self) -> None:
        """End leases and keep push subscriptions at work, until cancelled."""
        pushes: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._store.expire()
                await self._store.committed()  # acks and leases, which nobody waits for
                for spec in self._store.named("projects/"):
                    pushed = "/subscriptions/" in spec.name and spec.push_config.push_endpoint
                    if pushed and (spec.name not in pushes or pushes[spec.name].done()):
                        pushes[spec.name] = tasks.create_task(push(self._store, spec.name))
                await asyncio.sleep(_SWEEP_S)

    def _list_topics(self, request: Proto) -> Proto:
        topics = self._store.named(f"{request.project}/topics/")
        return types.ListTopicsResponse.pb()(topics=topics)

    def _list_subscriptions(self, request: Proto) -> Proto:
        found = self._store.named(f"{request.project}/subscriptions/")
        return types.ListSubscriptionsResponse.pb()(subscriptions=found)

    def _publish(self, request: Proto) -> Proto:
        for message in request.messages:
            check_supported(message)
            require(message.data or message.attributes, "a message needs data or attributes")
        ids = self._store.publish(request.topic, request.messages)
        return types.PublishResponse.pb()(message_ids=ids)

    def _update(self, request: Proto) -> Proto:
        paths = request.update_mask.paths
        require(paths and OPTIONS.issuperset(paths), f"update_mask must be of {sorted(OPTIONS)}")
        spec = types.Subscription.pb()()
        spec.CopyFrom(self._store.get(request.subscription.name))
        request.update_mask.MergeMessage(request.subscription, spec, True, True)
        return self._store.save(spec)

    def _modify_ack_deadline(self, request: Proto) -> None:
        lease_s = request.ack_deadline_seconds
        self._store.modify_deadline(request.subscription, request.ack_ids, lease_s)

    async def _pull(self, request: Proto, context: _Context) -> Proto:
        async with _status(context):
            require(request.max_messages > 0, "max_messages must be positive")
            name, response = request.subscription, types.PullResponse.pb()()
            lease_s = self._store.get(name).ack_deadline_seconds
            leases = self._store.leases(name, str(uuid.uuid4()), lease_s, request.max_messages)
            wait_s = min(_PULL_WAIT_S, 0.9 * (context.time_remaining() or _PULL_WAIT_S))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0 if request.return_immediately else wait_s):
                    response.received_messages.extend(await anext(leases))
            return response

    async def _streaming_pull(
        self, requests: AsyncIterator[Proto], context: _Context
    ) -> AsyncIterator[Proto]:
        async with _status(context):
            first = await anext(aiter(requests), types.StreamingPullRequest.pb()())
            name, client = self._store.get(first.subscription).name, first.client_id
            lease_s, limit = first.stream_ack_deadline_seconds, first.max_outstanding_messages
            require(10 <= lease_s <= 600, "stream_ack_deadline_seconds must be 10 to 600")
            stream = str(uuid.uuid4())
            # After an outage a client may open two streams and read the newer one alone.
            if client in self._streams:
                self._store.evict(self._streams[client])
            self._streams[client or stream] = stream
            acks = asyncio.create_task(self._read_acks(name, requests))
            try:
                limit = limit if 0 < limit < _MAX_LEASED else _MAX_LEASED
                async for leased in self._store.leases(name, stream, lease_s, limit):
                    yield types.StreamingPullResponse.pb()(received_messages=leased)
            finally:
                acks.cancel()
                if self._streams[client or stream] == stream:
                    del self._streams[client or stream]

    async def _read_acks(self, name: str, requests: AsyncIterator[Proto]) -> None:
        async for request in requests:
            self._store.acknowledge(name, request.ack_ids)
            seconds = request.modify_deadline_seconds
            for ack_id, lease_s in zip(request.modify_deadline_ack_ids, seconds, strict=False):
                self._store.modify_deadline(name, [ack_id], lease_s)


@contextlib.asynccontextmanager
async def _status(context: _Context) -> AsyncIterator[None]:
    try:
        yield
    except RequestError as error:
        await context.abort(*error.args)


def _handler(name: str, method: Any, *, streams: bool = False) -> _Handler:
    request = getattr(types, f"{name}Request", None) or getattr(types, name.removeprefix("Create"))
    make = grpc.stream_stream_rpc_method_handler if streams else grpc.unary_unary_rpc_method_handler
    return make(method, request.pb().FromString, lambda response: response.SerializeToString())
