"""The web services under attack: sound requests are answered right, or told when to come again.

What each address answers is captured in quiet. Poisoned requests, slow clients and a database
that restarts every ten seconds may lead to 429 and 503 with Retry-After, and to nothing else.
"""

import gzip
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from threading import Event, Lock
from typing import Any

import pytest
import requests

from panoptes_network.states import ImageState
from tests.faults.network import FaultyNetwork, running
from tests.faults.proxy import Faults
from tests.faults.slow_clients import slow_clients
from tests.service.support.web_services import add_observation, rows

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

WEB = ("OBSERVATIONS_DATA_URL", "OBSERVATIONS_EXPLORER_URL")
TIMEOUT_S = 60
SLOW_CLIENTS = 200
SLOW_S = 15
RESTARTS_S = 120
RESTART_EVERY_S = 10
REQUESTS_PER_S = 20
JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 100_000 + b"]" * 100_000
UNSOLVED = {"state": ImageState.UNSOLVED, "reason_code": "blank_frame", "reason": "dark"}
POISON: list[tuple[str, str, dict[str, Any]]] = [
    *(
        ("POST", "/", {"data": body, "headers": JSON})
        for body in (
            b'{"sequence_id": "\\ud800"}',
            b'{"sequence_id": "\\udfff\\ud800"}',
            b'{"sequence_id": "a\\u0000b"}',
            b'{"\\ud800": 1}',
            b'{"sequence_id": "\xed\xa0\x80"}',
            b'{"sequence_id": ',
            DEEP,
        )
    ),
    ("POST", "/", {"data": gzip.compress(DEEP), "headers": {**JSON, "Content-Encoding": "gzip"}}),
    ("POST", "/", {"data": b"%00=%00", "headers": {"Content-Type": "text/nonsense"}}),
    *(
        ("GET", path, {})
        for path in (
            "/observations?field=%00",
            "/observations?field=%ED%A0%80",
            "/observations?after=0000-01-01",
            "/observations?after=2018-02-30",
            "/observations/%00",
            "/observations?field=%ED%A0%80",
            "/observations?after=0000-01-01",
            "/images/%FF",
        )
    ),
]
Known = dict[str, bytes]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyNetwork]:
    folder = tmp_path_factory.mktemp("attack")
    unlimited = {"RATE_LIMIT": "100000 per second"}
    with running(folder, Faults(), "tests.faults.quick_restarts", **unlimited) as network:
        yield network


@pytest.fixture(scope="module")
def known(network: FaultyNetwork) -> Known:
    """What each address answers in quiet; it stays the same."""
    with rows(network.engine) as session:
        ids = [
            add_observation(session, unit_id=f"PAN{number:03}", images=[UNSOLVED, UNSOLVED])
            for number in range(1, 9)
        ]
    data, explorer = (network.env[name] for name in WEB)
    addresses = [f"{data}/units", f"{data}/observations?limit=3", f"{explorer}/units"]
    addresses += [f"{base}/observations/{one}" for one in ids for base in (data, explorer)]
    found = {address: _sound(address) for address in addresses}
    assert found == {address: _sound(address) for address in addresses}
    assert len(set(found.values())) == len(found)
    return found


def _sound(address: str) -> bytes:
    answer = requests.get(address, timeout=TIMEOUT_S)
    assert answer.status_code == 200, f"{address}: {answer.text}"
    return answer.content


@dataclass
class Tally:
    """How sound requests were answered."""

    known: Known
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def ask(self, address: str) -> None:
        """Ask, and note how it was answered."""
        kind, words = self._judge(address)
        with self.lock:
            self.counts[kind] += 1
            if words:
                self.wrong.append(f"{address}: {words}")

    def _judge(self, address: str) -> tuple[str, str]:
        try:
            answer = requests.get(address, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            return "no answer", repr(error)
        if answer.status_code == 200:
            is_right = answer.content == self.known[address]
            return ("right", "") if is_right else ("another answer", answer.text)
        kind = str(answer.status_code)
        if answer.status_code in (429, 503) and int(answer.headers.get("Retry-After", "0")) > 0:
            return kind, ""
        return kind, f"{kind}, Retry-After {answer.headers.get('Retry-After')}: {answer.text}"

    def say(self, attack: str) -> None:
        """Print the line of the table, and fail if anything was wrong."""
        counts = "  ".join(f"{kind}: {number}" for kind, number in sorted(self.counts.items()))
        print(f"{time.strftime('%H:%M:%S')}  {attack:<44}{counts}", flush=True)
        assert self.wrong == [], self.wrong[:5]


def test_poisoned_requests_harm_no_other(network: FaultyNetwork, known: Known) -> None:
    tally = Tally(known)
    statuses: Counter[int] = Counter()

    def poison(service: str, request: tuple[str, str, dict[str, Any]]) -> None:
        method, path, more = request
        address = f"{network.env[service]}{path}"
        answer = requests.request(method, address, timeout=TIMEOUT_S, **more)
        statuses[answer.status_code] += 1
        assert 400 <= answer.status_code < 500, (request, answer.status_code, answer.text)

    bad = [(service, request) for request in POISON for service in WEB] * 4
    with ThreadPoolExecutor(8) as people:
        pairs = zip(bad, cycle(known), strict=False)
        asked = []
        for (service, request), address in pairs:
            asked += [people.submit(poison, service, request), people.submit(tally.ask, address)]
        for one in asked:
            one.result()
    tally.say(f"{len(bad)} poisoned requests")
    assert tally.counts == {"right": len(bad)}


def test_slow_clients_keep_nobody_waiting(network: FaultyNetwork, known: Known) -> None:
    tally = Tally(known)
    ports = [network.port(name) for name in _components()]
    with slow_clients(ports, SLOW_CLIENTS), ThreadPoolExecutor(4) as people:
        deadline = time.monotonic() + SLOW_S
        while time.monotonic() < deadline:
            list(people.map(tally.ask, known))
    tally.say(f"{SLOW_CLIENTS} slow clients of each service")
    assert set(tally.counts) == {"right"}


def _components() -> Iterable[str]:
    return (name.removesuffix("_URL").lower().replace("_", "-") for name in WEB)


def test_restarts_of_the_database_are_told_and_no_row_is_wrong(
    network: FaultyNetwork, known: Known
) -> None:
    tally = Tally(known)
    before = network.component("postgres")["restarts"]
    over = Event()
    with ThreadPoolExecutor(1 + 8 * REQUESTS_PER_S) as people:
        restarting = people.submit(_restart_again_and_again, network, over)
        addresses = islice(cycle(known), RESTARTS_S * REQUESTS_PER_S)
        for address in addresses:
            people.submit(tally.ask, address)
            time.sleep(1 / REQUESTS_PER_S)
        over.set()
        restarting.result()
    assert network.wait_for(lambda: network.is_ready("postgres"), 60)
    restarts = network.component("postgres")["restarts"] - before
    tally.say(f"{restarts} restarts of the database")
    assert restarts >= RESTARTS_S // RESTART_EVERY_S // 2
    assert tally.counts["right"]
    after = Tally(known)
    for address in known:
        after.ask(address)
    after.say("afterwards")
    assert after.counts == {"right": len(known)}


def _restart_again_and_again(network: FaultyNetwork, over: Event) -> None:
    """Stop the server by its fast and by its immediate shutdown in turn."""
    for number in cycle((signal.SIGINT, signal.SIGQUIT)):
        network.kill("postgres", number)
        if over.wait(RESTART_EVERY_S):
            return
