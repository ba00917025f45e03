"""Routes of the OpenAPI document and its page."""

from pathlib import Path

from flask import Blueprint, Response, current_app, jsonify, render_template

from observations_data.open_api.document import document
from observations_data.open_api.operations import DOCUMENTATION, Parameter, described
from observations_data.open_api.page import sections_of
from observations_data.open_api.schemas import OBJECT, file_spec, json_spec

FILES = {"docs.css": "text/css", "docs.svg": "image/svg+xml"}
NAME = Parameter("name", "Name of the file.", {"enum": [*FILES]})

api = Blueprint("open_api", __name__, template_folder="templates", static_folder=None)


@api.get("/openapi.json")
@described(DOCUMENTATION, json_spec("An OpenAPI 3.1 document.", OBJECT))
def open_api_document() -> Response:
    """Get this document."""
    return jsonify(document(current_app))


@api.get("/docs")
@described(DOCUMENTATION, file_spec("A page.", "text/html"))
def page() -> str:
    """Show this document as a page."""
    made = document(current_app)
    return render_template(
        "docs.html", info=made["info"], version=made["openapi"], tags=sections_of(made)
    )


@api.get(f"/docs/<any{(*FILES,)}:name>")
@described(DOCUMENTATION, file_spec("The file.", *FILES.values()), path=(NAME,))
def page_file(name: str) -> Response:
    """Serve a static asset of the docs page."""
    content = Path(__file__).with_name("static").joinpath(name).read_bytes()
    return Response(content, mimetype=FILES[name])
