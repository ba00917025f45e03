"""Columns of the listing of named objects in an image."""

from observations_data.data_tables import Column, Kind, Table
from panoptes_network.responses.picture_objects import PictureObject

OBJECTS = Table(
    "objects",
    "Named objects in an image, brightest first.",
    (
        Column("kind", "star, planet_host, variable or deep_sky", Kind.TEXT, ucd="src.class"),
        Column("name", "best name", Kind.TEXT, ucd="meta.id;meta.main"),
        Column("lookup", "name or number that /names finds it by", Kind.TEXT, ucd="meta.id"),
        Column("names", "all names", Kind.JSON, ucd="meta.id"),
        Column("planets", "letters or names of its known planets", Kind.JSON, ucd="meta.id"),
        Column("mag", "visual magnitude", Kind.REAL, "mag", "phot.mag;em.opt.V"),
        Column("ra_deg", "right ascension, ICRS", Kind.REAL, "deg", "pos.eq.ra;meta.main"),
        Column("dec_deg", "declination, ICRS", Kind.REAL, "deg", "pos.eq.dec;meta.main"),
        Column("x_px", "column in the frame, 0-based", Kind.REAL, "pix", "pos.cartesian.x"),
        Column("y_px", "row in the frame, 0-based", Kind.REAL, "pix", "pos.cartesian.y"),
        Column("radius_px", "half of its greatest extent", Kind.REAL, "pix", "phys.angSize"),
    ),
    row=PictureObject,
)
