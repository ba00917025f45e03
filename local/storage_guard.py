"""The guard in front of the storage server: admits local programs, refuses browsers' pages.

fake-gcs-server tells every browser that any page may read and write its buckets, and no option
disables that. So it listens at a random loopback address and port, chosen at each start, which a
page cannot find, and this guard has the known port. It forwards everything else unchanged.
"""

import argparse
import logging
import secrets
from collections.abc import AsyncIterator, Mapping

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    web,
)
from multidict import CIMultiDict
from yarl import URL

from local.state import LOOPBACK

OWN_NAMES = frozenset({"127.0.0.1", "localhost"})
SILENCE_S = 300
"""Time without a byte after which the storage server counts as unavailable."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
"""Hop-by-hop headers (RFC 9110, section 7.6.1), and 100-continue, which aiohttp handles."""
_SESSION = web.AppKey("session", ClientSession)
_BACKEND = web.AppKey("backend", str)


def hidden_address() -> tuple[str, int]:
    """Return a random one of 16 million loopback addresses and of 40,000 ports."""
    host = "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))
    return host, 20_000 + secrets.randbelow(40_000)


def create_app(backend: str) -> web.Application:
    """Return the guard for the server at `backend`, such as ``http://127.8.1.9:4000``."""
    app = web.Application()
    app[_BACKEND] = backend
    app.cleanup_ctx.append(_session)
    app.router.add_route("*", "/{path:.*}", _pass_on)
    return app


async def _session(app: web.Application) -> AsyncIterator[None]:
    timeout = ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_S)
    app[_SESSION] = ClientSession(
        auto_decompress=False,
        connector=TCPConnector(limit=0),
        cookie_jar=DummyCookieJar(),
        timeout=timeout,
    )
    yield
    await app[_SESSION].close()


async def _pass_on(request: web.Request) -> web.StreamResponse:
    _refuse_pages(request)
    try:
        upstream = await _ask(request)
    except (ClientError, TimeoutError) as error:
        logging.warning("the storage server is not reachable: %s", error)
        raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"}) from error
    async with upstream:
        headers = _end_to_end(upstream.headers)
        answer = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
        await answer.prepare(request)
        async for piece in upstream.content.iter_any():
            await answer.write(piece)
        return answer


async def _ask(request: web.Request) -> ClientResponse:
    return await request.app[_SESSION].request(
        request.method,
        URL(request.app[_BACKEND] + request.raw_path, encoded=True),
        headers=_end_to_end(request.headers),
        data=request.content if request.can_read_body else None,
        allow_redirects=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )


def _refuse_pages(request: web.Request) -> None:
    """Refuse browsers' requests: those with a page's Origin or a foreign host name."""
    if request.url.host not in OWN_NAMES:
        raise web.HTTPMisdirectedRequest(
            text="This server is known as 127.0.0.1 and localhost only.\n"
        )
    if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
        raise web.HTTPForbidden(text="Web pages may not use the local storage server.\n")


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return headers without hop-by-hop ones and those that admit pages."""
    kept = CIMultiDict(headers)
    for name in list(kept):
        if name.lower() in _HOP_BY_HOP or name.lower().startswith("access-control-"):
            kept.popall(name, None)
    return kept


def main() -> None:
    """Run the guard until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backend", required=True, help="URL of the storage server")
    arguments = parser.parse_args()
    web.run_app(
        create_app(arguments.backend), host=LOOPBACK, port=arguments.port, print=None,
        access_log=None, reuse_port=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
