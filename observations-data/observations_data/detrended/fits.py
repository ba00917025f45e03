"""A star's detrended light curve as a FITS file for ``lightkurve.read`` and others."""

from observations_data.data_tables import Column, Kind, Table
from observations_data.detrended.tables import DETRENDED, QUALITY
from observations_data.stars.fits import Cards, star_file
from panoptes_network.responses.light_curves import DetrendedCurve

BJD = Column("time", "middle of the exposure, BJD", Kind.REAL, "d")
MOMENT = Column("date_avg", "middle of the exposure, UTC", Kind.TEXT)
COLUMNS = tuple(column for column in DETRENDED.columns if column.name not in {"bjd_tdb", "time"})
LIGHT_CURVE = Table("LIGHTCURVE", DETRENDED.description, (BJD, *COLUMNS, MOMENT))
TIME_CARDS: Cards = {
    "TIMESYS": ("TDB", "scale of the column time"),
    "TREFPOS": ("BARYCENTER", "where its times are those of"),
    "JDREFI": (0, "[d] the column time is the whole Julian date"),
    "JDREFF": (0.0, "[d]"),
    "TIMEUNIT": ("d", ""),
}


def detrended_table(curve: DetrendedCurve) -> bytes:
    """Return a detrended light curve as a FITS file with one table, ``LIGHTCURVE``.

    Parameters
    ----------
    curve : dict
        As returned by `detrended.curve.detrended_curve`; items may be empty.
    """
    rows = [{**item, "time": item["bjd_tdb"], "date_avg": item["time"]} for item in curve["items"]]
    meanings = [f"quality {said['bit']}: {said['meaning']}" for said in QUALITY]
    comments = [curve["method"], *meanings]
    return star_file(curve, LIGHT_CURVE, rows, TIME_CARDS, comments, curve["star"])
