"""A transaction is tried again as a whole when the fault may pass, and only then."""

import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from threading import Barrier

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from local.postgres import Cluster
from local.postgres_roles import create_database, create_users, superuser
from observations_data import database as read_database
from panoptes_network import config
from panoptes_network.database import engine as database
from panoptes_network.database.engine import run_transaction
from panoptes_network.errors import PermanentError, Reason, TransientError
from tests.conftest import free_port, serving

SSL_REQUEST = bytes.fromhex("00000008 04d2162f")
"""A client that would encrypt its connection begins with it (PostgreSQL, 55.7)."""


def test_a_serialisation_failure_is_tried_again(db: Engine) -> None:
    tries = []

    def work(session: Session) -> int:
        tries.append(1)
        session.execute(text("INSERT INTO units (unit_id) VALUES ('PAN001')"))
        if len(tries) == 1:
            session.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
        return len(tries)

    assert run_transaction(work) == 2
    with db.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM units")) == 1


def test_a_fault_of_our_own_is_raised_at_once(db: Engine) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT * FROM no_such_table"))

    with pytest.raises(DBAPIError, match="no_such_table"):
        run_transaction(work)
    assert len(tries) == 1


def test_a_connection_that_broke_is_replaced(db: Engine) -> None:
    own = text("SELECT pg_backend_pid()")
    pid = run_transaction(lambda session: session.scalar(own))
    with create_engine(db.url, poolclass=NullPool).connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert run_transaction(lambda session: session.scalar(text("SELECT 1"))) == 1


def test_a_database_that_is_away_is_a_passing_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql+pg8000://x@127.0.0.1:{free_port()}/metadata")
    config.settings.cache_clear()
    database.engine.cache_clear()
    with pytest.raises(TransientError, match="the database is unavailable"):
        run_transaction(lambda session: session.scalar(text("SELECT 1")))
    config.settings.cache_clear()
    database.engine.cache_clear()


# --- a connection is used again only after a whole answer


def _backend(session: Session) -> int:
    return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def _unsendable(session: Session) -> None:
    session.execute(text("SELECT CAST(:name AS text)"), {"name": "\ud800"})


def _unreadable(session: Session) -> None:
    """Read what pg8000 cannot: a time of day that Python does not have."""
    session.execute(text("SELECT '24:00:00'::time"))


def _interrupted(session: Session) -> None:
    """Be interrupted, as by Ctrl-C or a limit of time, while the answer comes in."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    connection.message_types[b"D"] = interrupt
    session.execute(text("SELECT 1"))


def _unforeseen(session: Session) -> None:
    session.execute(text("SELECT 1"))
    raise RuntimeError("nobody foresaw this")


def _garbled_copy(session: Session) -> None:
    class Torn(BytesIO):
        def readinto(self, _buffer: object, /) -> int:
            raise ArithmeticError("the stream broke")

    connection = session.connection()
    connection.exec_driver_sql(
        "COPY units (unit_id) FROM STDIN", execution_options={"copy_stream": Torn(b"x")}
    )


@pytest.mark.parametrize(
    ("work", "fault"),
    [
        (_unsendable, UnicodeEncodeError),
        (_unreadable, ValueError),
        (_interrupted, KeyboardInterrupt),
        (_unforeseen, RuntimeError),
        (_garbled_copy, ArithmeticError),
    ],
)
def test_after_half_an_answer_the_connection_is_gone(
    db: Engine, work: Callable[[Session], None], fault: type[BaseException]
) -> None:
    before = run_transaction(_backend)
    for _ in range(10):  # more than there are connections
        with pytest.raises(fault):
            run_transaction(work)
    after = {run_transaction(_backend) for _ in range(10)}
    assert before not in after
    assert len(after) == 1
    assert run_transaction(lambda session: session.scalar(text("SELECT 'mine'"))) == "mine"


def test_without_a_session_it_is_gone_as_well(db: Engine) -> None:
    for _ in range(10):
        with pytest.raises(UnicodeEncodeError), db.connect() as connection:
            connection.execute(text("SELECT CAST(:name AS text)"), {"name": "\ud800"})
    with db.connect() as connection:
        assert connection.scalar(text("SELECT 'mine'")) == "mine"


@pytest.mark.parametrize(
    "fault", [TransientError("away"), PermanentError(Reason.OBJECT_MISSING, "there is none")]
)
def test_after_a_whole_answer_it_is_kept(db: Engine, fault: Exception) -> None:
    before = run_transaction(_backend)

    def refuse(_: Session) -> None:
        raise fault

    with pytest.raises(type(fault)):
        run_transaction(refuse)
    with pytest.raises(DBAPIError):
        run_transaction(lambda session: session.execute(text("SELECT 1 / 0")))
    assert run_transaction(_backend) == before


def test_each_gets_their_own_answer_while_others_poison(db: Engine) -> None:
    """What gets past all checks reaches the engine itself, from several threads at a time."""
    poisons = [_unsendable, _unreadable, _interrupted, _unforeseen, _garbled_copy]
    asking = text("SELECT n, pg_sleep(0.001) FROM generate_series(:first, :first + 20) AS n")
    together = Barrier(database.MAX_CONNECTIONS)

    def poison(_: int) -> None:
        for work in poisons:
            with suppress(ValueError, KeyboardInterrupt, RuntimeError, ArithmeticError):
                run_transaction(work)

    def read(first: int) -> list[int]:
        return list(run_transaction(lambda s: s.scalars(asking, {"first": first}).all()))

    def act(number: int) -> None:
        together.wait()
        if number % 2:
            poison(number)
        for first in range(number * 1000, number * 1000 + 20):
            assert read(first) == list(range(first, first + 21))

    with ThreadPoolExecutor(database.MAX_CONNECTIONS) as people:
        list(people.map(act, range(database.MAX_CONNECTIONS)))


# --- what is away is said within seconds


@pytest.mark.parametrize(
    "sqlstate", ["57P01", "57P02", "57P03", "53300", "53200", "53100", "57014", "55P03"]
)
def test_a_server_that_starts_stops_or_is_full_is_a_passing_fault(
    db: Engine, sqlstate: str
) -> None:
    raising = text(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$")
    with pytest.raises(TransientError) as told:
        run_transaction(lambda session: session.execute(raising))
    assert "SQLSTATE" not in str(told.value)
    assert run_transaction(_backend)


def test_a_full_server_is_a_passing_fault(
    db: Engine, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_users(cluster, ["crowded"])
    with superuser(cluster) as connection:
        connection.execute(text("ALTER ROLE crowded CONNECTION LIMIT 0"))
    monkeypatch.setenv("DATABASE_URL", cluster.url("crowded"))
    _forget_engine()
    with pytest.raises(TransientError, match="the database is unavailable"):
        run_transaction(_backend)
    _forget_engine()
    with superuser(cluster) as connection:
        connection.execute(text("DROP ROLE crowded"))


def test_an_empty_pool_is_a_passing_fault(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "POOL_TIMEOUT_S", 0.1)
    database.engine.cache_clear()
    held = [database.engine().connect() for _ in range(database.MAX_CONNECTIONS)]
    with pytest.raises(TransientError, match="all database connections are in use: try again soon"):
        run_transaction(_backend)
    for connection in held:
        connection.close()
    assert run_transaction(_backend)
    database.engine().dispose()


def test_a_lock_is_not_waited_for_without_end(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_S", 0.1)
    database.engine.cache_clear()
    with db.begin() as connection:
        connection.execute(text("LOCK TABLE units"))
        with pytest.raises(TransientError, match="locked: try again"):
            run_transaction(lambda session: session.execute(text("SELECT * FROM units")))
    database.engine().dispose()


def test_a_server_that_hangs_is_away(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections and says nothing, as a machine that is about to die."""
    monkeypatch.setattr(database, "CONNECT_TIMEOUT_S", 0.1)
    monkeypatch.setattr(database, "AWAY_S", 0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+pg8000://x@127.0.0.1:{silent.getsockname()[1]}/metadata"
        monkeypatch.setenv("DATABASE_URL", url)
        _forget_engine()
        with pytest.raises(TransientError, match="the database is unavailable"):
            run_transaction(_backend)
    _forget_engine()


@pytest.mark.parametrize(("host", "encrypted"), [("127.0.0.1", False), ("0.0.0.0", True)])  # noqa: S104
def test_only_a_database_on_this_machine_is_not_asked_for_tls(
    db: Engine, monkeypatch: pytest.MonkeyPatch, host: str, encrypted: bool
) -> None:
    """0.0.0.0 leads to this machine, too, but the engine does not know it."""
    monkeypatch.setattr(database, "CONNECT_TIMEOUT_S", 5)
    monkeypatch.setattr(database, "AWAY_S", 0)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as people:
        url = f"postgresql+pg8000://x@{host}:{server.getsockname()[1]}/metadata"
        monkeypatch.setenv("DATABASE_URL", url)
        _forget_engine()
        asked = people.submit(run_transaction, _backend)
        with server.accept()[0] as connection:
            first = connection.recv(8)
        with pytest.raises(TransientError, match="the database is unavailable"):
            asked.result()
    _forget_engine()
    assert (first == SSL_REQUEST) is encrypted


@pytest.fixture(scope="module")
def stopped(server_dir: None, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A server that does not run, with a database."""
    server = Cluster(tmp_path_factory.mktemp("restarted") / "data", free_port())
    server.create()
    with serving(server.command(), server.is_ready, signal.SIGINT):
        create_database(server)
    return server


@pytest.fixture
def own_server(stopped: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A server that the test starts and stops; the process's engine is for it."""
    monkeypatch.setenv("DATABASE_URL", stopped.url())
    monkeypatch.setattr(database, "AWAY_S", 0)
    _forget_engine()
    yield stopped
    database.engine().dispose()
    _forget_engine()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restart_is_a_passing_fault(own_server: Cluster, how: signal.Signals) -> None:
    """By the fast and the immediate shutdown, in the middle of a statement (57P01, 57P02)."""
    with ThreadPoolExecutor(1) as people:
        with serving(own_server.command(), own_server.is_ready, how):
            waiting = people.submit(run_transaction, _sleep)
            _wait_until_asleep(own_server)
        with pytest.raises(TransientError, match="the database is unavailable"):
            waiting.result()
    with pytest.raises(TransientError, match="the database is unavailable"):
        run_transaction(_backend)
    with serving(own_server.command(), own_server.is_ready, signal.SIGINT):
        assert run_transaction(_backend)


def test_a_server_that_lets_nobody_in_any_more_is_away(own_server: Cluster) -> None:
    """It waits for who is still there (57P03)."""
    with serving(own_server.command(), own_server.is_ready, signal.SIGINT) as process:
        with superuser(own_server):
            process.send_signal(signal.SIGTERM)
            while own_server.is_ready():
                pass
            with pytest.raises(TransientError, match="the database is unavailable"):
                run_transaction(_backend)
        process.wait(30)
    with serving(own_server.command(), own_server.is_ready, signal.SIGINT):
        assert run_transaction(_backend)


def _sleep(session: Session) -> None:
    session.execute(text("SELECT pg_sleep(50)"))


def _wait_until_asleep(server: Cluster) -> None:
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    with superuser(server) as connection:
        while not connection.scalar(query):
            pass


def test_limits_lie_within_one_another() -> None:
    assert database.LOCK_TIMEOUT_S < database.STATEMENT_TIMEOUT_S < database.ANSWER_TIMEOUT_S
    assert config.settings().read_timeout_s > read_database.LOCK_TIMEOUT_S
    assert database.POOL_TIMEOUT_S + database.AWAY_S + database.CONNECT_TIMEOUT_S <= 10


def _forget_engine() -> None:
    config.settings.cache_clear()
    database.engine.cache_clear()
