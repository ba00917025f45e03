"""Routes of light curves: of a star by either method, of all stars of a sequence."""

from flask import Blueprint, Response, request

from observations_data.data_tables import MEDIA_TYPES, table_response
from observations_data.database import read
from observations_data.detrended import aavso, schemas
from observations_data.detrended.curve import detrended_curve
from observations_data.detrended.fits import detrended_table
from observations_data.detrended.parameters import CurveSearch, Method, observer
from observations_data.detrended.queries import curves_of_sequence
from observations_data.detrended.tables import DETRENDED, LIGHT_CURVES
from observations_data.http import query_parameters as query
from observations_data.http.query_parameters import BadParameterError
from observations_data.observations.parameters import SEQUENCE_ID
from observations_data.open_api import described
from observations_data.stars import fits as star_fits
from observations_data.stars import schemas as star_answers
from observations_data.stars import sequence_stamps
from observations_data.stars import tables as star_tables
from observations_data.stars.light_curves import light_curve
from observations_data.stars.parameters import FrameSearch, StarId
from panoptes_network.ids import fold_id
from panoptes_network.responses.light_curves import DetrendedCurve
from panoptes_network.responses.stars import RawCurve

api = Blueprint("light_curves", __name__)

TAG = "Light curves and candidates"
REPORTS = {schemas.AAVSO: aavso.extended, schemas.AAVSO_EXOPLANET: aavso.exoplanet}


@api.get("/sources/<picid>/lightcurve")
@described(
    TAG,
    schemas.CURVE,
    path=(star_answers.PICID,),
    query=(
        schemas.METHOD,
        star_answers.CATALOG,
        SEQUENCE_ID,
        star_answers.FRAME_LIMIT,
        schemas.OBSCODE,
    ),
    problems=(404,),
)
def lightcurve(picid: str) -> Response:
    """Get a star's light curve in its newest frames, oldest first.

    Flux is relative to its median. Without a sequence, the newest ones are returned, each
    normalized separately. AAVSO reports always use the detrended light curve; the exoplanet report
    is of one sequence, by default the newest.
    """
    asked = StarId.parse(picid, request.args)
    search = FrameSearch.parse_first(request.args)
    method = query.choice(request.args, "method", Method)
    obscode, wanted = observer(request.args), _further_format()
    if wanted in REPORTS:
        if method is Method.RAW:
            raise BadParameterError("method", "detrended, or omitted, for a report")
        return _report(REPORTS[wanted](detrended_curve(asked, search), obscode), picid)
    if method is Method.DETRENDED:
        return _detrended(detrended_curve(asked, search), wanted, f"{picid}_lightcurve")
    found = read(sequence_stamps.stamps_by_sequence, asked, search)
    return _raw(light_curve(found.star, found.sequences), wanted, f"{picid}_lightcurve")


@api.get("/observations/<sequence_id>/light-curves")
@described(
    TAG,
    schemas.CURVES,
    path=(SEQUENCE_ID,),
    query=schemas.CURVES_QUERY,
    problems=(404,),
)
def light_curves(sequence_id: str) -> Response:
    """List the stars of an observation with detrended light curves, and their scatter.

    `files` contain all light curves. If none were made, `reason` explains why, and `made_at` is
    null.
    """
    search = CurveSearch.parse(request.args)
    found = read(curves_of_sequence, fold_id(sequence_id), search)
    name = f"{found['sequence_id']}_light_curves"
    return table_response(found, found["items"], LIGHT_CURVES, name=name)


def _raw(found: RawCurve, wanted: str | None, name: str) -> Response:
    if wanted == star_answers.FITS:
        return _varying(star_fits.fits_file(star_fits.light_curve_table(found), name))
    return table_response(found, found["items"], star_tables.LIGHT_CURVE, name=name)


def _detrended(found: DetrendedCurve, wanted: str | None, name: str) -> Response:
    if wanted == star_answers.FITS:
        return _varying(star_fits.fits_file(detrended_table(found), name))
    return table_response(found, found["items"], DETRENDED, name=name)


def _further_format() -> str | None:
    """Return a requested format that not every table has; None for the common ones."""
    named = request.args.get("format")
    if named:
        return named if named in schemas.FORMATS else None
    best = request.accept_mimetypes.best_match([*MEDIA_TYPES, *schemas.FORMATS.values()])
    return next((name for name, media in schemas.FORMATS.items() if media == best), None)


def _report(text: str, picid: str) -> Response:
    response = Response(text, mimetype=aavso.MEDIA_TYPE)
    response.headers.set("Content-Disposition", "attachment", filename=f"{picid}_aavso.txt")
    return _varying(response)


def _varying(response: Response) -> Response:
    response.vary.add("Accept")
    return response
