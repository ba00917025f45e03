"""The network around one cloud function: database, buckets, broker, all real."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import grpc
import pytest
from flask.testing import FlaskClient
from google.cloud import pubsub_v1
from sqlalchemy import Engine

from panoptes_network import config, pubsub, storage
from panoptes_network.database import engine as database
from panoptes_network.web import authentication
from tests.conftest import forget_storage_client, free_port, serving
from tests.service.support.functions import FaultyService, Network, create_function, served
from tests.service.support.issuer import AUDIENCE, CALLER, Issuer, Key
from tests.service.support.web_services import (
    create_app,
    is_healthy,
    web_command,
    web_environment,
)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an embedded Pub/Sub broker, as PUBSUB_EMULATOR_HOST has it."""
    address = f"127.0.0.1:{free_port()}"
    store = tmp_path_factory.mktemp("broker") / "pubsub.sqlite"
    host, port = address.split(":")
    options = ["--host", host, "--port", port, "--store", str(store)]

    def is_ready() -> bool:
        with grpc.insecure_channel(address) as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=1)
            except grpc.FutureTimeoutError:
                return False
            return True

    with serving([sys.executable, "-m", "local.broker", *options], is_ready):
        yield address


@pytest.fixture
def network(
    db: Engine, storage_port: int, broker: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Network]:
    """Empty tables, and a raw bucket and topics of the test's own."""
    own = uuid4().hex[:12]
    for name, value in {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{storage_port}",
        "PUBSUB_EMULATOR_HOST": broker,
        "RAW_BUCKET": f"raw-{own}",
        "PROCESSED_BUCKET": f"processed-{own}",
        "RAW_TOPIC": f"raw-{own}",
        "FILM_TOPIC": f"film-{own}",
        "PIPELINE_TOPIC": f"pipeline-{own}",
    }.items():
        monkeypatch.setenv(name, value)
    forget_storage_client()
    for cached in (config.settings, pubsub.publisher):
        cached.cache_clear()
    bucket = storage.client().create_bucket(f"raw-{own}")
    processed = storage.client().create_bucket(f"processed-{own}")
    with pubsub_v1.SubscriberClient() as subscriber:
        made = Network(bucket, processed, subscriber)
        for topic in ("raw_topic", "pipeline_topic", "film_topic"):
            made.create_topic(getattr(config.settings(), topic))
        yield made
    pubsub.publisher().stop()
    forget_storage_client()
    for cached in (config.settings, pubsub.publisher):
        cached.cache_clear()


@pytest.fixture
def set_env(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Change settings in the middle of a test: ``set_env(RAW_TOPIC="gone")``."""

    def change(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        config.settings.cache_clear()

    yield change
    config.settings.cache_clear()


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], FlaskClient]:
    """Make a client of a cloud function; the log that it sets up ends with the test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    return lambda service: create_function(service).test_client()


@pytest.fixture(scope="session")
def data_port(database_url: str, storage_port: int) -> Iterator[int]:
    """Port of observations-data under waitress."""
    port = free_port()
    environment = web_environment(
        DATABASE_URL=database_url, STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{storage_port}"
    )
    command = web_command("observations-data", port)
    with serving(command, lambda: is_healthy(port), env=environment):
        yield port


@pytest.fixture
def explorer(db: Engine, data_port: int, set_env: Callable[..., None]) -> FlaskClient:
    """A client of observations-explorer, over observations-data with empty tables."""
    set_env(OBSERVATIONS_DATA_URL=f"http://127.0.0.1:{data_port}")
    return create_app("observations-explorer").test_client()


@pytest.fixture(scope="session")
def signing_key() -> Key:
    """The key that the issuer signs with; one takes a while to make."""
    return Key("key-1")


@pytest.fixture
def issuer(signing_key: Key, set_env: Callable[..., None]) -> Iterator[Issuer]:
    """An issuer of identities, trusted by services that let two callers in."""
    issuer = Issuer(signing_key)
    # Its port may have been that of another test's.
    authentication.forget_certificates()
    with served(issuer) as url:
        set_env(
            ALLOWED_CALLERS=f"someone@else.example, {CALLER}",
            TOKEN_AUDIENCE=f"https://older.example, {AUDIENCE}",
            TOKEN_ISSUER_CERTS_URL=f"{url}/oauth2/v1/certs",
        )
        yield issuer


@pytest.fixture
def faulty(set_env: Callable[..., None]) -> Iterator[FaultyService]:
    """A service that stands behind every address that the functions post to."""
    service = FaultyService()
    with served(service) as url:
        set_env(IMAGE_RECEIVED_URL=url, HEADER_TO_DB_URL=url)
        yield service
        service.over.set()


@pytest.fixture
def impatient_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait the whole time that the storage client tries again for."""
    monkeypatch.setattr(storage, "PATIENT", storage.PATIENT._replace(tries_s=0.2))


@pytest.fixture
def storage_away(set_env: Callable[..., None], impatient_storage: None) -> Callable[[], None]:
    """Take the storage server away when the test says so."""

    def leave() -> None:
        set_env(STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{free_port()}")
        forget_storage_client()

    return leave


@pytest.fixture
def database_away(set_env: Callable[..., None]) -> Callable[[], None]:
    """Take the database away when the test says so."""

    def leave() -> None:
        set_env(DATABASE_URL=f"postgresql+pg8000://nobody@127.0.0.1:{free_port()}/metadata")
        database.engine.cache_clear()

    return leave


@pytest.fixture
def chain(
    network: Network, function: Callable[[str], FlaskClient], set_env: Callable[..., None]
) -> Iterator[Network]:
    """The network with cf-image-received and cf-header-to-db served in it."""
    with ExitStack() as stack:
        for service in ("cf-image-received", "cf-header-to-db"):
            url = stack.enter_context(served(create_function(service)))
            name = service.removeprefix("cf-").replace("-", "_").upper()
            set_env(**{f"{name}_URL": url})
        yield network
