"""The gRPC side: Google's Publisher and Subscriber services over a Store."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types
from grpc import StatusCode

from local.broker.limits import OPTIONS, Proto, RequestError, check_supported, require
from local.broker.push import push
from local.broker.store import TICK_S, Store

_PULL_WAIT_S = 30.0  # an empty pull is answered after this, or just before the client's deadline
_MAX_MESSAGES = 1000  # that one streaming pull has on lease
_UNSYNCED = {"Acknowledge", "ModifyAckDeadline"}  # lost in a crash, they mean one more delivery
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Broker:
    """The methods of both services over one store."""

    def __init__(self, store: Store) -> None:
        self.stopping = asyncio.Event()
        self._store = store
        self._streams: dict[str, str] = {}  # client id -> its newest stream, as holder of leases

    def handlers(self) -> "tuple[grpc.GenericRpcHandler[Any, Any], ...]":
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
            "ModifyAckDeadline": lambda r: store.modify_deadline(
                r.subscription, r.ack_ids, r.ack_deadline_seconds
            ),
        }
        methods = {name: self._unary(name, method) for name, method in unary.items()}
        methods["Pull"] = _handler(grpc.unary_unary_rpc_method_handler, "Pull", self._pull)
        methods["StreamingPull"] = _handler(
            grpc.stream_stream_rpc_method_handler, "StreamingPull", self._streaming_pull
        )
        return tuple(
            grpc.method_handlers_generic_handler(f"google.pubsub.v1.{service}", methods)
            for service in ("Publisher", "Subscriber")
        )

    def _unary(
        self, name: str, method: Callable[[Proto], Proto]
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        async def answer(request: Proto, context: _Context) -> Proto:
            async with _status(context):
                response = method(request)
                if name not in _UNSYNCED:
                    await self._store.committed()
                return response or Empty()

        return _handler(grpc.unary_unary_rpc_method_handler, name, answer)

    async def run(self) -> None:
        """End leases and keep push subscriptions at work until ``stopping`` is set."""
        pushes: dict[str, asyncio.Task[None]] = {}
        while not self.stopping.is_set():
            self._store.expire()
            for name, spec in self._store.specs.items():
                if "/subscriptions/" in name and spec.push_config.push_endpoint:
                    if name in pushes and pushes[name].done():
                        pushes.pop(name).result()
                    if name not in pushes:
                        pushes[name] = asyncio.create_task(push(self._store, name))
            await asyncio.sleep(TICK_S)
        for task in pushes.values():
            task.cancel()

    def _list_topics(self, request: Proto) -> Proto:
        topics = [
            s for n, s in self._store.specs.items() if n.startswith(f"{request.project}/topics/")
        ]
        return types.ListTopicsResponse.pb()(topics=topics)

    def _list_subscriptions(self, request: Proto) -> Proto:
        subscriptions = [
            s
            for n, s in self._store.specs.items()
            if n.startswith(f"{request.project}/subscriptions/")
        ]
        return types.ListSubscriptionsResponse.pb()(subscriptions=subscriptions)

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
        for path in paths:
            spec.ClearField(path)
        request.update_mask.MergeMessage(request.subscription, spec)
        return self._store.save(spec)

    async def _next(self, name: str, holder: str, lease_s: float, limit: int) -> list[Proto]:
        while not (leased := self._store.lease(name, holder, lease_s, limit)):
            if self.stopping.is_set():
                raise RequestError(StatusCode.UNAVAILABLE, "the broker is stopping")
            await self._store.changed(name)
        return leased

    async def _pull(self, request: Proto, context: _Context) -> Proto:
        async with _status(context):
            require(request.max_messages > 0, "max_messages must be positive")
            lease_s = self._store.get(request.subscription).ack_deadline_seconds
            wait_s = min(_PULL_WAIT_S, 0.9 * (context.time_remaining() or _PULL_WAIT_S))
            response = types.PullResponse.pb()()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0 if request.return_immediately else wait_s):
                    response.received_messages.extend(
                        await self._next(
                            request.subscription, str(uuid.uuid4()), lease_s, request.max_messages
                        )
                    )
            return response

    async def _streaming_pull(
        self, requests: AsyncIterator[Proto], context: _Context
    ) -> AsyncIterator[Proto]:
        async with _status(context):
            first = await anext(aiter(requests))
            name, holder = self._store.get(first.subscription).name, str(uuid.uuid4())
            # After an outage a client may open two streams and read the newer one alone.
            client = first.client_id or holder
            self._store.release(self._streams.get(client, ""))
            self._streams[client] = holder
            limit = min(first.max_outstanding_messages or _MAX_MESSAGES, _MAX_MESSAGES)
            reader = asyncio.create_task(self._read_acks(name, requests))
            try:
                while not reader.done():
                    if self._streams[client] != holder:
                        raise RequestError(StatusCode.ABORTED, "a newer stream of this client")
                    if self.stopping.is_set():
                        raise RequestError(StatusCode.UNAVAILABLE, "the broker is stopping")
                    if leased := self._store.lease(
                        name, holder, first.stream_ack_deadline_seconds, limit
                    ):
                        yield types.StreamingPullResponse.pb()(received_messages=leased)
                    else:
                        await self._store.changed(name)
                reader.result()
            finally:
                reader.cancel()

    async def _read_acks(self, name: str, requests: AsyncIterator[Proto]) -> None:
        async for request in requests:
            self._store.acknowledge(name, request.ack_ids)
            for ack_id, lease_s in zip(
                request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True
            ):
                self._store.modify_deadline(name, [ack_id], lease_s)


@contextlib.asynccontextmanager
async def _status(context: _Context) -> AsyncIterator[None]:
    try:
        yield
    except RequestError as error:
        await context.abort(*error.args)


def _handler(kind: Any, name: str, method: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    request = getattr(types, f"{name}Request", None) or getattr(types, name.removeprefix("Create"))
    return kind(method, request.pb().FromString, lambda response: response.SerializeToString())
