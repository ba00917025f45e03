"""The route of the coverage map."""

from flask import Blueprint, Response, request

from observations_data.database import read
from observations_data.http import query_parameters
from observations_data.open_api import Parameter, described, file_spec
from observations_data.virtual_observatory import coverage
from observations_data.virtual_observatory.route_parameters import HEADING

MOC = file_spec("A coverage map, MOC 2.0.", *coverage.MEDIA_TYPES.values())
QUERY = (
    Parameter(
        "format",
        "Format of the map.",
        {"enum": [*coverage.Format], "default": coverage.Format.FITS},
    ),
    Parameter(
        "order",
        "HEALPix order of its smallest cells: 8 are 14 arcmin, 6 are 55.",
        {
            "type": "integer",
            "minimum": 0,
            "maximum": coverage.HIGHEST_ORDER,
            "default": coverage.HIGHEST_ORDER,
        },
    ),
)

api = Blueprint("coverage", __name__, url_prefix="/vo")


@api.get("/moc")
@described(HEADING, MOC, query=QUERY, problems=(400,))
def moc() -> Response:
    """Get the map of the observed sky."""
    asked = query_parameters.choice(request.args, "format", coverage.Format)
    order = query_parameters.whole_number(request.args, "order", coverage.HIGHEST_ORDER)
    changed_at = read(coverage.newest_change)["changed_at"]
    cells = coverage.cells()
    cells.update(changed_at, lambda: read(coverage.footprints))
    form = asked or coverage.Format.FITS
    file = cells.file(form, coverage.HIGHEST_ORDER if order is None else order)
    response = Response(file, mimetype=coverage.MEDIA_TYPES[form])
    response.headers.set("Content-Disposition", "attachment", filename=f"panoptes-moc.{form}")
    return response
