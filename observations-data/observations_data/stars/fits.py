"""Stamps and light curves as FITS files."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from astropy.io import fits
from flask import Response

from observations_data.data_tables import Column, Kind, Row, Table
from observations_data.stars.stamps import PackedStamps
from observations_data.stars.star import star_name
from observations_data.stars.tables import LIGHT_CURVE, STAMPS
from panoptes_network.frames.bayer import BLACK_LEVEL_ADU, SATURATION_ADU, STAMP_SIDE
from panoptes_network.responses.light_curves import StarName, StarPlace
from panoptes_network.responses.stars import RawCurve

MEDIA_TYPE = "application/fits"
Cards = Mapping[str, tuple[str | float, str]]
"""Values and comments by keyword."""
CUBE_COMMENTS = (
    "Raw pixels around one star, [frame, y, x]; row n of FRAMES is frame n.",
    "Bayer colours by 0-based parity of (x, y) in a stamp, which starts on even",
    "x and y of the frame: (even, even) green 2, (even, odd) red, (odd, even)",
    "blue, (odd, odd) green 1. Stamp pixel (0, 0) is frame pixel",
    "(stamp_x, stamp_y), counted from 0. Times are UTC, starts of exposures.",
)
NULL = -(2**63)
"""Represents an unknown integer in a FITS table: no id or count has this value."""
FRAME_COLUMNS = tuple(column for column in STAMPS.columns if column.name != "pixels")
RAW_LIGHT_CURVE = Table(
    "LIGHTCURVE",
    LIGHT_CURVE.description,
    (
        Column("time", "middle of the exposure, MJD", Kind.REAL, "d"),
        Column("flux", "relative light in green", Kind.REAL),
        Column("flux_err", "its error", Kind.REAL),
        *(column for column in LIGHT_CURVE.columns if column.name not in {"mjd", "time"}),
        Column("date_obs", "start of the exposure, UTC", Kind.TEXT),
    ),
)
TIME_CARDS: Cards = {
    "TIMESYS": ("UTC", "scale of the column time"),
    "TREFPOS": ("TOPOCENTER", "where its times are those of"),
    "MJDREFI": (0, "[d] the column time is the whole MJD"),
    "MJDREFF": (0.0, "[d]"),
    "TIMEUNIT": ("d", ""),
}


def stamp_cube(listing: PackedStamps) -> bytes:
    """Return stamps as a FITS file: a cube, and a table ``FRAMES`` of its frames.

    Parameters
    ----------
    listing : dict
        As returned by `stars.stamps.stamps`; without items, the cube has no pixels.

    Returns
    -------
    bytes
        The cube is uint16 ADU of shape (frames, side, side).
    """
    items = listing["items"]
    pixels = np.frombuffer(b"".join(item["stamp"] for item in items), ">u2")
    cube = pixels.reshape(-1, STAMP_SIDE, STAMP_SIDE).astype(np.uint16)
    primary = fits.PrimaryHDU(cube if items else None)
    _add_star(primary.header, listing, None)
    primary.header["TIMESYS"] = ("UTC", "scale of all times")
    primary.header["BUNIT"] = ("adu", "black level included")
    primary.header["BLACKLEV"] = (BLACK_LEVEL_ADU, "[adu] of an unexposed pixel")
    primary.header["SATURATE"] = (SATURATION_ADU, "[adu] plateau of saturated pixels")
    for line in CUBE_COMMENTS:
        primary.header.add_comment(line)
    return _written(primary, _table(Table("FRAMES", STAMPS.description, FRAME_COLUMNS), items))


def light_curve_table(curve: RawCurve) -> bytes:
    """Return a light curve as a FITS file with one table, ``LIGHTCURVE``.

    ``lightkurve.read`` opens it: `time` is in days, as it expects, and `flux` is the relative flux
    in green.

    Parameters
    ----------
    curve : dict
        As returned by `stars.light_curves.light_curve`; items may be empty.
    """
    rows = [
        {
            **item,
            "time": item["mjd"],
            "flux": item["relative_g"],
            "flux_err": item["relative_err_g"],
            "date_obs": item["time"],
        }
        for item in curve["items"]
    ]
    radius_px = curve["aperture"]["radius_px"]
    cards: Cards = {**TIME_CARDS, "APERRAD": (radius_px, "[pixel] radius of the aperture")}
    compared = [f"comparison star {picid}" for picid in curve["comparison"]]
    return star_file(curve, RAW_LIGHT_CURVE, rows, cards, [curve["method"], *compared])


def star_file(
    star: StarName,
    table: Table,
    rows: Sequence[Row],
    cards: Cards,
    comments: list[str],
    place: StarPlace | None = None,
) -> bytes:
    """Return a FITS file with one table of a star.

    Parameters
    ----------
    cards : mapping of str to (value, comment)
        Of the table's header.
    comments : list of str
        Of the file.
    place : dict, optional
        The star's position, if it is known.
    """
    primary = fits.PrimaryHDU()
    _add_star(primary.header, star, place)
    for text in comments:
        primary.header.add_comment(text)
    made = _table(table, rows)
    made.header.update(cards)
    return _written(primary, made)


def fits_file(content: bytes, name: str) -> Response:
    """Respond with a FITS file called `name`, without its suffix."""
    response = Response(content, content_type=MEDIA_TYPE)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.fits")
    return response


def _add_star(header: fits.Header, star: StarName, place: StarPlace | None) -> None:
    picid = int(star["picid"])
    header["OBJECT"] = (star_name(picid, star["catalog"]), "the star")
    header["PICID"] = (picid, f"its number in the catalog {star['catalog']}")
    if star["catalog"] == "tic":
        header["TICID"] = (picid, "its number in the TESS Input Catalog")
    header["ORIGIN"] = "Project PANOPTES"
    if place:
        header["RADESYS"] = "ICRS"
        header["RA_OBJ"] = (place["ra_deg"], "[deg] right ascension")
        header["DEC_OBJ"] = (place["dec_deg"], "[deg] declination")


def _table(table: Table, rows: Sequence[Row]) -> fits.BinTableHDU:
    """Return rows as a table whose cards have each column's unit and description."""
    made = fits.BinTableHDU.from_columns(
        [_column(column, [row[column.name] for row in rows]) for column in table.columns],
        name=table.name,
    )
    for index, column in enumerate(table.columns, start=1):
        made.header.comments[f"TTYPE{index}"] = column.description[:40]
    return made


def _column(column: Column, values: list[object]) -> fits.Column:
    if column.kind in {Kind.INTEGER, Kind.ID}:
        return _whole_numbers(column, values)
    if column.kind is Kind.REAL:
        return fits.Column(column.name, "D", column.unit, array=np.array(values, np.float64))
    if column.kind is Kind.BOOLEAN:
        return fits.Column(column.name, "L", array=np.array(values, np.bool_))
    texts = np.array([str(value or "").encode("ascii", "replace") for value in values], "S")
    width = max(texts.dtype.itemsize, 1)
    return fits.Column(column.name, f"{width}A", array=texts)


def _whole_numbers(column: Column, values: list[object]) -> fits.Column:
    """Return a column of 64-bit integers, with TNULL for unknown values."""
    null = NULL if None in values else None
    whole = np.array([NULL if value is None else int(str(value)) for value in values], np.int64)
    return fits.Column(column.name, "K", column.unit, null=null, array=whole)


def _written(primary: fits.PrimaryHDU, table: fits.BinTableHDU) -> bytes:
    written = io.BytesIO()
    fits.HDUList([primary, table]).writeto(written)
    return written.getvalue()
