"""The pages' styles, scripts and icon, at addresses that change whenever one of them does.

A browser keeps what it has for a year and never asks again. The version is a folder in the
address, so that it holds for what a style or script names relative to itself, too.
"""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

FOLDER = Path(__file__).parent / "static"
VENDOR = FOLDER / "vendor"
"""Scripts of others, which `local/setup` fetches."""
YEAR_S = 31_536_000
ENDPOINT = "static"


def register(app: Flask) -> None:
    """Serve the files; ``url_for("static", filename=…)`` gives the address of one.

    The address of another version, which a page made before an update may still name, has what
    is there now, and is not kept.
    """
    version = version_of(FOLDER)

    def send(filename: str, version_asked: str) -> Response:
        is_current = version_asked == version
        answer = send_from_directory(FOLDER, filename, max_age=YEAR_S if is_current else None)
        if is_current:
            answer.cache_control.immutable = True
        # Whole, as they are small: the compression of streams leaves files open.
        answer.direct_passthrough = False
        answer.make_sequence()
        return answer

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == ENDPOINT:
            values["version_asked"] = version

    app.add_url_rule("/static/<version_asked>/<path:filename>", ENDPOINT, send)


def version_of(folder: Path) -> str:
    """Return 12 hex digits of the names and bytes of all files below a folder, SHA-256."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]
