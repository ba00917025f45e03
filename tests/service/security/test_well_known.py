"""What programs look for at fixed addresses: security.txt and robots.txt."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.robotparser import RobotFileParser

import pytest
from pydantic import ValidationError

from panoptes_network.config import Settings
from tests.service.support.web_services import create_app

SERVICES = ("observations-data", "observations-explorer")
PATH = "/.well-known/security.txt"
CONTACT = "mailto:security@panoptes.example"


@pytest.mark.parametrize("service", SERVICES)
def test_security_txt_names_the_contact(set_env: Callable[..., None], service: str) -> None:
    set_env(SECURITY_CONTACT=CONTACT, PUBLIC_URL="https://panoptes.example/")
    answer = create_app(service).test_client().get(PATH, headers={"Host": "panoptes.example"})
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    expires = datetime.fromisoformat(fields.pop("Expires"))
    now = datetime.now(UTC)
    assert now + timedelta(days=30) < expires < now + timedelta(days=365)
    assert fields == {
        "Contact": CONTACT,
        "Canonical": f"https://panoptes.example{PATH}",
        "Preferred-Languages": "en",
    }


def test_security_txt_has_no_address_but_of_https(set_env: Callable[..., None]) -> None:
    set_env(SECURITY_CONTACT=CONTACT, PUBLIC_URL="http://127.0.0.1:8080")
    answer = create_app(SERVICES[0]).test_client().get(PATH)
    assert "Canonical" not in answer.text


@pytest.mark.parametrize("service", SERVICES)
def test_no_contact_is_made_up(set_env: Callable[..., None], service: str) -> None:
    set_env(SECURITY_CONTACT="")
    answer = create_app(service).test_client().get(PATH)
    assert answer.status_code == 404
    assert "contact" in answer.text


@pytest.mark.parametrize(
    "contact", ["security@panoptes.example", "http://panoptes.example", "mailto:a\nExpires: x"]
)
def test_a_contact_is_an_address(contact: str) -> None:
    with pytest.raises(ValidationError, match="security_contact"):
        Settings(security_contact=contact)


def robots(service: str) -> RobotFileParser:
    answer = create_app(service).test_client().get("/robots.txt")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    parser = RobotFileParser()
    parser.parse(answer.text.splitlines())
    return parser


def test_robots_may_read_the_pages_but_nothing_large() -> None:
    parser = robots("observations-explorer")
    for path in ("/", "/about", "/units/PAN001", "/observations/PAN001_14d3bd_20181011T134202"):
        assert parser.can_fetch("*", path), path
    for path in ("/api/observations", "/files/raw/a.cr2"):
        assert not parser.can_fetch("*", path), path
    # A link to a page shows its picture elsewhere.
    assert parser.can_fetch("*", "/files/processed/PAN001/a_preview.jpg")


def test_robots_leave_the_data_service_alone() -> None:
    assert not robots("observations-data").can_fetch("*", "/images/a/cutout")
