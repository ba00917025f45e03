"""Columns of detrended light curves, and of a sequence's list of stars."""

from pydantic import TypeAdapter

from observations_data.data_tables import Column, Kind, Table
from observations_data.stars.tables import SEQUENCE
from panoptes_network.light_curves import schema
from panoptes_network.light_curves.schema import COLOURS, QUALITY_MEANINGS, STAR_COLUMNS
from panoptes_network.responses.light_curves import (
    CurveFigures,
    CurveStar,
    DetrendedFrame,
    QualityBit,
)

KINDS = {
    "string": Kind.TEXT,
    "timestamp[us, tz=UTC]": Kind.TIME,
    "float": Kind.REAL,
    "double": Kind.REAL,
    "int32": Kind.INTEGER,
    "int64": Kind.ID,
}
BANDS = dict(zip(COLOURS, ("em.opt.R", "em.opt.V", "em.opt.B"), strict=True))
UCDS = {
    "image_id": "meta.id;meta.main",
    "time": "time.epoch;obs.exposure",
    "bjd_tdb": "time.epoch",
    "exptime_s": "time.duration;obs.exposure",
    "airmass": "obs.airMass",
    "zero_point": "phot.mag;arith.zp",
    "sky": "instr.skyLevel",
    "background": "instr.skyLevel",
    "fwhm_px": "phys.angSize;stat.median",
    "cloud_mag": "phot.mag;arith.diff",
    "n_comparison": "meta.number",
    "flux": "phot.flux;arith.ratio",
    "flux_err": "stat.error;phot.flux",
    "raw_flux": "phot.count",
    "raw_flux_err": "stat.error;phot.count",
    "x_px": "pos.cartesian.x",
    "y_px": "pos.cartesian.y",
    "quality": "meta.code.qual",
    "picid": "meta.id;meta.main",
    "catalog": "meta.id;meta.dataset",
    "ra_deg": "pos.eq.ra;meta.main",
    "dec_deg": "pos.eq.dec;meta.main",
    "gaia_mag": "phot.mag;em.opt",
}
METHOD = (
    "Forced photometry of all catalog stars at once by the sequence's PSF in each Bayer colour;"
    " the field's zero point and its colour term are taken out of each frame, and one map of the"
    " place in the Bayer pattern that all stars of a colour share. Relative flux has the median 1"
    " in each sequence; its colours are combined by their scatter. Errors hold for constant"
    " stars. raw_flux is the fit's own, before that. See docs/decisions of the project."
)
QUALITY: list[QualityBit] = [
    {"bit": bit.value, "name": str(bit.name), "meaning": meaning}
    for bit, meaning in QUALITY_MEANINGS.items()
]
_MEANINGS = "; ".join(f"{said['bit']}: {said['meaning']}" for said in QUALITY)

_FIGURES = TypeAdapter(CurveFigures).json_schema()["properties"]


def _column(column: schema.Column) -> Column:
    name, _, colour = column.name.rpartition("_")
    ucd = UCDS.get(column.name) or f"{UCDS[name]};{BANDS[colour]}"
    return Column(column.name, column.description, KINDS[column.arrow_type], column.unit, ucd)


def _figure(name: str, kind: Kind, ucd: str) -> Column:
    """Return the column of a star's figure, with the description of its type."""
    return Column(name, _FIGURES[name]["description"], kind, ucd=ucd)


FROM_FILE = (*schema.FRAME_COLUMNS, *schema.MEASUREMENT_COLUMNS)
"""Columns read from the sequence's file; the star is known."""
DETRENDED = Table(
    "detrended_light_curve",
    "Detrended light curve of a star, by frame, in order of time.",
    (
        _column(FROM_FILE[0]),
        SEQUENCE,
        *(_column(column) for column in FROM_FILE[1:]),
    ),
    infos=(("method", METHOD), ("quality", _MEANINGS)),
    row=DetrendedFrame,
)
SUMMARY = (
    _figure("n_frames", Kind.INTEGER, "meta.number"),
    _figure("n_good", Kind.INTEGER, "meta.number"),
    _figure("first_time", Kind.TIME, "time.start"),
    _figure("last_time", Kind.TIME, "time.end"),
    _figure("scatter", Kind.REAL, "stat.stdev"),
    _figure("expected_noise", Kind.REAL, "stat.error"),
    _figure("reduced_chi2", Kind.REAL, "stat.fit.chi2"),
    _figure("variability", Kind.REAL, "src.var.index"),
    _figure("quality", Kind.INTEGER, "meta.code.qual"),
)
LIGHT_CURVES = Table(
    "light_curves",
    "Stars of a sequence with light curves, their scatter and expected noise.",
    (
        *map(_column, STAR_COLUMNS),
        *SUMMARY,
        Column("url", "URL of the star", Kind.TEXT, ucd="meta.ref.url"),
    ),
    infos=(("quality", _MEANINGS),),
    row=CurveStar,
)
