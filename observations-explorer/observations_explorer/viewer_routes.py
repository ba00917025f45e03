"""The addresses of the pages of one image and of one star."""

from flask import Blueprint, Response, render_template, request

from observations_explorer.pages import image as image_page
from observations_explorer.pages import observation as observation_page
from observations_explorer.pages import star as star_page
from observations_explorer.pages import star_light_curves
from observations_explorer.static_files import VENDOR

viewers = Blueprint("viewers", __name__)


@viewers.app_template_global()
def has_script(name: str) -> bool:
    """Tell whether a library was fetched at setup: without it a page shows what it has."""
    return (VENDOR / name).is_file()


@viewers.get("/images/<image_id>")
def image(image_id: str) -> str:
    """Show one image."""
    return render_template("image.html", **image_page.image(image_id, request.args))


@viewers.get("/observations/<sequence_id>/files.txt")
def file_list(sequence_id: str) -> Response:
    """List the addresses of an observation's files for ``wget -i``."""
    lines = observation_page.file_list(sequence_id, request.args)
    return Response(lines, mimetype="text/plain")


@viewers.get("/sources/<picid>")
def star(picid: str) -> str:
    """Show one star."""
    return render_template("source.html", **star_page.star(picid, request.args))


@viewers.get("/sources/<picid>/stamps.png")
def stamps(picid: str) -> Response:
    """Draw all stamps of a star on one sheet."""
    return Response(star_page.stamps_png(picid, request.args), mimetype="image/png")


@viewers.get("/sources/<picid>/curve.svg")
def small_curve(picid: str) -> Response:
    """Draw a star's detrended light curve small, with the transit that was found."""
    drawn = star_light_curves.small_chart(picid, star_page.asked_frames(request.args))
    return Response(render_template("small_curve.svg", chart=drawn), mimetype="image/svg+xml")
