"""The addresses of the pages of one image and of one star."""

from pathlib import Path

from flask import Blueprint, Response, current_app, render_template, request

import image_viewer
import sequence_viewer
import star_curves
import star_viewer

viewers = Blueprint("viewers", __name__)


@viewers.app_template_global()
def has_script(name: str) -> bool:
    """Tell whether a library was fetched at setup: without it a page shows what it has."""
    return (Path(current_app.root_path) / "static" / "vendor" / name).is_file()


@viewers.get("/images/<image_id>")
def image(image_id: str) -> str:
    """Show one image."""
    return render_template("image.html", **image_viewer.image(image_id, request.args))


@viewers.get("/observations/<sequence_id>/files.txt")
def file_list(sequence_id: str) -> Response:
    """List the addresses of an observation's files for ``wget -i``."""
    lines = sequence_viewer.file_list(sequence_id, request.args)
    return Response(lines, mimetype="text/plain")


@viewers.get("/sources/<picid>")
def star(picid: str) -> str:
    """Show one star."""
    return render_template("source.html", **star_viewer.star(picid, request.args))


@viewers.get("/sources/<picid>/stamps.png")
def stamps(picid: str) -> Response:
    """Draw all stamps of a star on one sheet."""
    return Response(star_viewer.stamps_png(picid, request.args), mimetype="image/png")


@viewers.get("/sources/<picid>/curve.svg")
def small_curve(picid: str) -> Response:
    """Draw a star's detrended light curve small, with the transit that was found."""
    drawn = star_curves.small_chart(picid, star_viewer.asked_frames(request.args))
    return Response(render_template("small_curve.svg", chart=drawn), mimetype="image/svg+xml")
