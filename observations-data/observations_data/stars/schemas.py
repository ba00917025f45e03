"""Parameters and responses of a star's routes, for the OpenAPI document."""

from dataclasses import replace

from observations_data.open_api import ID, Parameter, ResponseSpec, Schema, listing
from observations_data.position import MAX_RADIUS_DEG
from observations_data.stars import tables
from observations_data.stars.fits import MEDIA_TYPE
from observations_data.stars.parameters import (
    MAX_FRAMES,
    Catalog,
)
from panoptes_network.responses.stars import RawCurve, StampPage

FITS = "fits"
CATALOG_NAME: Schema = {"enum": [*Catalog]}

PICID = Parameter(
    "picid",
    "Id of a star: its TIC id, its Gaia DR3 id, or minus its HIP number.",
    ID,
)
CATALOG = Parameter(
    "catalog", "Catalog of the id; by default, the first one that has the id.", CATALOG_NAME
)
RADIUS = Parameter(
    "radius",
    "Search radius, degrees; requires `ra` and `dec`.",
    {"type": "number", "minimum": 0, "maximum": MAX_RADIUS_DEG},
)


def limit(default: int, maximum: int) -> Parameter:
    """Return the parameter `limit` of a route."""
    bounds: Schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": default}
    return Parameter("limit", "Number of rows per page.", bounds)


def with_formats(response: ResponseSpec, formats: dict[str, str]) -> ResponseSpec:
    """Return a table's response extended by these formats: media types by format name."""
    [written] = response.query
    choices = {**written.schema, "enum": [*written.schema["enum"], *formats]}
    return replace(
        response,
        content={**response.content, **{media: {} for media in formats.values()}},
        query=(replace(written, schema=choices),),
    )


STAMPS = with_formats(listing(StampPage, tables.STAMPS, catalog=Catalog), {FITS: MEDIA_TYPE})
LIGHT_CURVE = listing(RawCurve, tables.LIGHT_CURVE, catalog=Catalog)
FRAME_LIMIT = limit(MAX_FRAMES, MAX_FRAMES)
