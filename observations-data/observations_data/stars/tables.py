"""Columns of the listings of sources, stamps and light curves."""

from observations_data.data_tables import Column, Kind, Table
from observations_data.stars.light_curves import METHOD
from panoptes_network.light_curves.schema import COLOURS
from panoptes_network.responses.stars import RawFrame, Source, Stamp, Visit

NAMES = {"r": "red", "g": "green", "b": "blue"}
ERROR = "stat.error"


def _of_colour(colour: str) -> tuple[Column, ...]:
    name = NAMES[colour]
    band = {"r": "em.opt.R", "g": "em.opt.V", "b": "em.opt.B"}[colour]
    flux = f"phot.count;{band}"
    return (
        Column(f"flux_{colour}", f"aperture sum in {name}", Kind.REAL, "adu", flux),
        Column(
            f"flux_err_{colour}", f"error of the sum in {name}", Kind.REAL, "adu", f"{ERROR};{flux}"
        ),
        Column(
            f"relative_{colour}",
            f"{name} flux relative to comparison stars, median 1",
            Kind.REAL,
            ucd=f"phot.flux;arith.ratio;{band}",
        ),
        Column(
            f"relative_err_{colour}",
            f"error of the relative flux in {name}",
            Kind.REAL,
            ucd=f"{ERROR};phot.flux;{band}",
        ),
    )


IMAGE = Column("image_id", "id of the image", Kind.TEXT, ucd="meta.id;meta.main")
SEQUENCE = Column("sequence_id", "id of its observation", Kind.TEXT, ucd="meta.id.parent;obs")
TIME = Column("time", "start of the exposure", Kind.TIME, ucd="time.start;obs.exposure")
EXPTIME = Column("exptime_s", "exposure", Kind.REAL, "s", "time.duration;obs.exposure")
PLACE = (
    Column("x_px", "column in the frame, 0-based", Kind.REAL, "pix", "pos.cartesian.x"),
    Column("y_px", "row in the frame, 0-based", Kind.REAL, "pix", "pos.cartesian.y"),
)
FLUX = (
    Column("flux_adu", "flux of all colours together", Kind.REAL, "adu", "phot.count"),
    Column("flux_err_adu", "its error", Kind.REAL, "adu", f"{ERROR};phot.count"),
)
FLAGS = Column(
    "flags", "FLAGS of source-extractor; bit 4: saturated", Kind.INTEGER, ucd="meta.code.qual"
)
IS_DETECTED = Column(
    "is_detected", "whether source-extractor detected it", Kind.BOOLEAN, ucd="meta.code"
)
SOURCES = Table(
    "sources",
    "Sources of an image: detections, brightest first, then undetected catalog stars.",
    (
        Column("number", "number in the image, from 0", Kind.INTEGER, ucd="meta.id;meta.main"),
        Column("picid", "id of the matched catalog star", Kind.ID, ucd="meta.id.cross"),
        Column(
            "catalog", "catalog of the star: tic or gaia", Kind.TEXT, ucd="meta.id;meta.dataset"
        ),
        Column(
            "mag",
            "catalog magnitude of the star: TESS for tic, G for gaia",
            Kind.REAL,
            "mag",
            "phot.mag;em.opt",
        ),
        Column("ra_deg", "measured right ascension, ICRS", Kind.REAL, "deg", "pos.eq.ra;meta.main"),
        Column("dec_deg", "measured declination, ICRS", Kind.REAL, "deg", "pos.eq.dec;meta.main"),
        *PLACE,
        Column("separation_arcsec", "distance to the star", Kind.REAL, "arcsec", "pos.angDistance"),
        *FLUX,
        Column("peak_adu", "brightest superpixel", Kind.REAL, "adu", "phot.count;stat.max"),
        Column("fwhm_px", "full width at half maximum", Kind.REAL, "pix", "phys.angSize"),
        Column("ellipticity", "1 - minor/major axis", Kind.REAL, ucd="src.ellipticity"),
        FLAGS,
        IS_DETECTED,
        Column(
            "neighbour_flux",
            "light of other catalog stars in its aperture, relative to its own",
            Kind.REAL,
            ucd="phot.flux;arith.ratio",
        ),
        Column("has_stamp", "whether its stamp is stored", Kind.BOOLEAN, ucd="meta.code"),
        Column("url", "URL of the star", Kind.TEXT, ucd="meta.ref.url"),
    ),
    row=Source,
)
STAMP_CORNER = (
    Column("stamp_x", "column of the first pixel", Kind.INTEGER, "pix", "pos.cartesian.x"),
    Column("stamp_y", "row of the first pixel", Kind.INTEGER, "pix", "pos.cartesian.y"),
    Column("stamp_side", "pixels on a side", Kind.INTEGER, "pix", "meta.number"),
)
STAMPS = Table(
    "stamps",
    "Stamps of a star: the raw pixels around it, oldest first.",
    (
        IMAGE,
        SEQUENCE,
        TIME,
        EXPTIME,
        *PLACE,
        *FLUX,
        FLAGS,
        IS_DETECTED,
        *STAMP_CORNER,
        Column("pixels", "rows of raw values, black level included, [y][x]", Kind.JSON, "adu"),
    ),
    row=Stamp,
)
LIGHT_CURVE = Table(
    "light_curve",
    "Raw light curve of a star, relative to comparison stars of the same frames.",
    (
        IMAGE,
        SEQUENCE,
        TIME,
        Column("mjd", "middle of the exposure, MJD, UTC", Kind.REAL, "d", "time.epoch"),
        EXPTIME,
        *(column for colour in COLOURS for column in _of_colour(colour)),
        Column("n_comparison", "comparison stars in the frame", Kind.INTEGER, ucd="meta.number"),
        FLAGS,
    ),
    infos=(("method", METHOD),),
    row=RawFrame,
)
VISITS = Table(
    "visits",
    "Sequences with a star, newest first.",
    (
        SEQUENCE,
        Column("field", "name of the target, as given by the unit", Kind.TEXT, ucd="meta.id;src"),
        Column("unit_id", "id of the telescope", Kind.TEXT, ucd="meta.id;instr.tel"),
        Column("camera_id", "id of the camera", Kind.TEXT, ucd="meta.id;instr"),
        Column("start_time", "start of the run", Kind.TIME, ucd="time.start"),
        Column("n_visits", "number of frames with the star", Kind.INTEGER, ucd="meta.number"),
    ),
    row=Visit,
)
