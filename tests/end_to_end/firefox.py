"""Firefox without a driver between: it speaks WebDriver BiDi itself (w3.org/TR/webdriver-bidi)."""

import asyncio
import json
import re
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")

PROGRAM = Path("/usr/bin/firefox-esr")
ENTER = "\ue007"
_START_S = 60.0
_COMMAND_S = 60.0
_PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
_EVENTS = ("log.entryAdded", "network.beforeRequestSent")


class Firefox:
    """A window. What pages log and ask for is kept until `troubles` is read."""

    def __init__(self, address: str) -> None:
        # In a thread of its own: Playwright leaves a running loop in the tests' thread.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._last_id = 0
        self._events: list[dict[str, Any]] = []
        self._run(self._connect(f"{address}/session"))
        self.command("session.new", capabilities={})
        self.command("session.subscribe", events=list(_EVENTS))
        self._window: str = self.command("browsingContext.create", type="tab")["context"]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _connect(self, address: str) -> None:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(address, max_msg_size=0)

    def command(self, method: str, **params: object) -> dict[str, Any]:
        """Return a command's result; AssertionError with Firefox's words if it failed."""
        return self._run(asyncio.wait_for(self._ask(method, params), _COMMAND_S))

    async def _ask(self, method: str, params: dict[str, object]) -> dict[str, Any]:
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": params})
        while True:
            message: dict[str, Any] = await self._socket.receive_json()
            if message["type"] == "event":
                self._events.append(message)
            elif message.get("id") == self._last_id:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str, width_px: int = 1280) -> None:
        """Load a page and all that it shows."""
        size = {"width": width_px, "height": 800}
        self.command("browsingContext.setViewport", context=self._window, viewport=size)
        self.command("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, a promise's when it is there."""
        answer = self.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._window},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        text = answer["result"].get("value")
        return None if text is None else json.loads(text)

    def wait_for(self, expression: str, limit_s: float = 20) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + limit_s
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"{expression} did not become true"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Press a key: a character, or one of WebDriver's code points for others."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self.command("input.performActions", context=self._window, actions=[source])

    def troubles(self, origin: str) -> list[str]:
        """Return what was logged, and what was asked of others than `origin`; forget both."""
        # Events come before the answer to what is asked after them.
        self.evaluate("1")
        events, self._events = self._events, []
        logged = [e["params"]["text"] for e in events if e["method"] == "log.entryAdded"]
        asked = [e["params"]["request"]["url"] for e in events if e["method"] != "log.entryAdded"]
        return [*logged, *(url for url in asked if not url.startswith((origin, "data:")))]

    def close(self) -> None:
        """End the connection; the program goes on."""
        self._run(self._hang_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _hang_up(self) -> None:
        await self._socket.close()
        await self._session.close()


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Start Firefox with a new profile in a folder, and end it."""
    lines = (f'user_pref("{name}", {json.dumps(on)});' for name, on in _PREFERENCES.items())
    (folder / "user.js").write_text("\n".join(lines))
    command = [str(PROGRAM), "--headless", "--no-remote", "--profile", str(folder)]
    log = folder / "firefox.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "--remote-debugging-port=0"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "MOZ_CRASHREPORTER_DISABLE": "1"},
        ) as process,
    ):
        try:
            window = Firefox(_address(log))
            yield window
            window.close()
        finally:
            process.terminate()


def _address(log: Path) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        listening = re.search(r"BiDi listening on (ws://\S+)", log.read_text())
        if listening:
            return listening[1]
        time.sleep(0.05)
    raise TimeoutError(f"Firefox did not start: {log.read_text()}")
