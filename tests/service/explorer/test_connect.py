"""The page that says how a unit is connected."""

import re
from html import unescape
from pathlib import Path

from flask.testing import FlaskClient

from panoptes_network.errors import Reason
from tests.service.support.web_services import create_app

DOCUMENT = Path(__file__).parents[3] / "docs/connect-a-unit.md"


def explorer() -> FlaskClient:
    return create_app("observations-explorer").test_client()


def test_its_commands_are_the_documents_which_a_test_follows() -> None:
    html = explorer().get("/connect").text
    commands = [
        unescape(one) for one in re.findall(r"<pre[^>]*><code>(.*?)</code>", html, re.DOTALL)
    ]
    assert len(commands) == 4
    blocks = re.findall(r"```\w+\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    for command in commands:
        assert f"{command}\n" in blocks


def test_its_reasons_are_those_of_the_network() -> None:
    text = explorer().get("/connect").text.partition('id="refusals"')[2]
    names = set(re.findall(r"<code>([a-z_]+)</code>", text))
    assert len(names) > 5
    assert names <= {reason.value for reason in Reason}


def test_other_pages_lead_there() -> None:
    source = Path(__file__).parents[3] / "observations-explorer/observations_explorer/templates"
    for page in ("home.html", "units.html"):
        assert "url_for('pages.connect')" in (source / page).read_text()
