"""How the explorer sends its pages, styles and scripts: compressed, kept, asked for again."""

import re
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from observations_explorer.static_files import version_of
from tests.service.support.web_services import add_observation, rows

STATIC = re.compile(r'(?:href|src)="(/static/[^"]+)"')
KEPT_FOR_A_YEAR = {"max-age=31536000", "immutable"}


def kept(client: FlaskClient, path: str) -> set[str]:
    with client.get(path) as answer:
        assert answer.status_code == 200
        return set(answer.headers["Cache-Control"].split(", "))


@pytest.mark.parametrize("path", ["/", "/observations", "/sky", "/units", "/about", "/nowhere"])
def test_styles_and_scripts_of_a_page_are_kept(explorer: FlaskClient, path: str) -> None:
    addresses = STATIC.findall(explorer.get(path).text)
    assert any(address.endswith("/explorer.css") for address in addresses)
    for address in addresses:
        assert kept(explorer, address) >= KEPT_FOR_A_YEAR


def test_address_of_another_version_has_the_newest_unkept(explorer: FlaskClient) -> None:
    current = next(iter(STATIC.findall(explorer.get("/about").text)))
    other = re.sub("^/static/[^/]+/", "/static/0123456789ab/", current)
    with explorer.get(current) as ours, explorer.get(other) as theirs:
        assert ours.data == theirs.data
    assert kept(explorer, other) == {"no-cache"}


@pytest.mark.parametrize(
    "path", ["none.css", "../routes.py", "%2e%2e/routes.py", "..%2froutes.py", ""]
)
def test_nothing_else_is_sent(explorer: FlaskClient, path: str) -> None:
    current = next(iter(STATIC.findall(explorer.get("/about").text)))
    answer = explorer.get(f"{current.rpartition('/')[0]}/{path}")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_version_changes_with_each_file(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    seen = {version_of(tmp_path)}
    for name, content in (("a.css", "1"), ("a.css", "2"), ("vendor/b.js", "2"), ("b.js", "2")):
        (tmp_path / name).write_text(content)
        assert version_of(tmp_path) == version_of(tmp_path)
        seen.add(version_of(tmp_path))
    (tmp_path / "a.css").rename(tmp_path / "c.css")
    assert len(seen | {version_of(tmp_path)}) == 6


def test_pages_styles_and_scripts_are_compressed(explorer: FlaskClient, db: Engine) -> None:
    with rows(db) as session:
        add_observation(session, images=[{}])
    page = explorer.get("/").text
    for path in ("/", *STATIC.findall(page)):
        with explorer.get(path) as answer:
            plain = answer.data
        if len(plain) < 500:
            continue
        with explorer.get(path, headers={"Accept-Encoding": "br"}) as answer:
            assert answer.headers["Content-Encoding"] == "br"
            assert "Accept-Encoding" in answer.vary
            assert len(answer.data) < len(plain) / 2
            assert brotli.decompress(answer.data) == plain


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br", "zstd"])
def test_an_unchanged_page_is_not_sent_again(
    explorer: FlaskClient, db: Engine, encoding: str
) -> None:
    accepted = {"Accept-Encoding": encoding}
    first = explorer.get("/", headers=accepted)
    assert first.headers["Cache-Control"] == "no-cache"
    known = {**accepted, "If-None-Match": first.headers["ETag"]}
    again = explorer.get("/", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    with rows(db) as session:
        add_observation(session, images=[{}])
    assert explorer.get("/", headers=known).status_code == 200
