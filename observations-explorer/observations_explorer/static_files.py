"""The pages' styles, scripts and icon, at URLs that change with their content.

Browsers cache them for a year without checking. The version is a folder in the URL, so that it also
applies to relative URLs in styles and scripts.
"""

import hashlib
from pathlib import Path

from flask import Flask, Response, send_from_directory

FOLDER = Path(__file__).parent / "static"
VENDOR = FOLDER / "vendor"
"""Third-party scripts, installed by `local/setup`."""
YEAR_S = 31_536_000
ENDPOINT = "static"


def register(app: Flask) -> None:
    """Serve the files; ``url_for("static", filename=…)`` returns a file's URL.

    The URL of another version, which a page from before an update may use, serves the current file
    without caching.
    """
    version = version_of(FOLDER)

    def send(filename: str, version_asked: str) -> Response:
        is_current = version_asked == version
        answer = send_from_directory(FOLDER, filename, max_age=YEAR_S if is_current else None)
        if is_current:
            answer.cache_control.immutable = True
        # Read as a whole, as they are small: compressing streams would leave files open.
        answer.direct_passthrough = False
        answer.make_sequence()
        return answer

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == ENDPOINT:
            values["version_asked"] = version

    app.add_url_rule("/static/<version_asked>/<path:filename>", ENDPOINT, send)


def version_of(folder: Path) -> str:
    """Return 12 hex digits of the SHA-256 of all file names and bytes below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]
