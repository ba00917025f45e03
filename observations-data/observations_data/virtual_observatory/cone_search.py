"""Simple Cone Search 1.03 over detected sources and over images, newest first.

Columns required by clients have the UCDs of 2003 (UCD1), as in the standard; the others have
current ones (UCD1+).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from observations_data.data_tables import Column, Kind, Row, Table
from observations_data.database import AnyRow
from observations_data.observations.tables import FIGURE_COLUMNS
from observations_data.virtual_observatory.dali import Query
from observations_data.virtual_observatory.identifiers import Product, dataset_id
from panoptes_network.database.models import Image, Sequence, Source
from panoptes_network.errors import Reason
from panoptes_network.figures import FIGURES
from panoptes_network.sky.zones import DegColumn, is_within

MAX_VERBOSITY = 3
USUAL_VERBOSITY = 2
TESTED_CONE = {"ra": 83.8, "dec": -5.4, "sr": 1.0}
"""The Orion Nebula, which every unit has seen."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A searchable catalog: rows of `selected` whose `position` is in the cone.

    `columns` are grouped by the lowest verbosity that includes them.
    """

    name: str
    description: str
    columns: dict[int, tuple[Column, ...]]
    selected: Select[*tuple[object, ...]]
    position: tuple[DegColumn, DegColumn]
    row: Callable[[AnyRow], Row]

    def table(self, verbosity: int) -> Table:
        """Return the columns of a verbosity, 1 to 3."""
        columns = [
            column
            for least, group in self.columns.items()
            for column in group
            if least <= verbosity
        ]
        return Table(self.name, self.description, tuple(columns))


@dataclass(frozen=True, slots=True)
class ConeSearch:
    """A cone search request; `maxrec` 0 requests only the columns."""

    ra_deg: float
    dec_deg: float
    radius_deg: float
    verbosity: int
    maxrec: int

    @classmethod
    def parse(cls, query: Query) -> "ConeSearch":
        """Parse a request; other parameters are ignored.

        Raises
        ------
        UsageFault
            For the first invalid parameter.
        """
        query.require_votable()
        radius_deg = query.number("SR", 0, 180)
        return cls(
            ra_deg=query.number("RA", 0, 360),
            dec_deg=query.number("DEC", -90, 90),
            radius_deg=radius_deg,
            verbosity=max(1, query.whole_number("VERB", USUAL_VERBOSITY, MAX_VERBOSITY)),
            # A radius of 0 requests the metadata, not the rows.
            maxrec=query.maxrec if radius_deg else 0,
        )


def found(session: Session, catalog: Catalog, search: ConeSearch) -> list[Row]:
    """Return the rows in the cone, one more than requested."""
    if not search.maxrec:
        return []
    centre = search.ra_deg, search.dec_deg
    rows = session.execute(
        catalog.selected.where(is_within(*catalog.position, centre, search.radius_deg)).limit(
            search.maxrec + 1
        )
    )
    return [catalog.row(row) for row in rows]


def _source(row: AnyRow) -> Row:
    return {**row._asdict(), "source_id": f"{row.image_id}/{row.number}"}


def _image(row: AnyRow) -> Row:
    product = Product.SOLVED if row.solved_path else Product.RAW
    return {**row._asdict(), "obs_publisher_did": dataset_id(product, row.image_id)}


def _text(name: str, description: str, ucd: str) -> Column:
    return Column(name, description, Kind.TEXT, None, ucd, datatype="char")


def _number(name: str, description: str, unit: str | None, ucd: str) -> Column:
    return Column(name, description, Kind.REAL, unit, ucd)


def _count(name: str, description: str, ucd: str) -> Column:
    return Column(name, description, Kind.INTEGER, None, ucd)


def _figures(verbosity: int) -> Iterator[Column]:
    """Return the columns of the figures that are there from a verbosity on."""
    for column in FIGURE_COLUMNS:
        if _CONE_FIGURES.get(column.name) == verbosity:
            description = column.description[0].upper() + column.description[1:]
            yield replace(column, description=description)


_CONE_FIGURES = {
    figure.name: figure.cone_verbosity for figure in FIGURES if figure.cone_verbosity is not None
}
_PLACE = (
    _number("ra_deg", "Right ascension, ICRS", "deg", "POS_EQ_RA_MAIN"),
    _number("dec_deg", "Declination, ICRS", "deg", "POS_EQ_DEC_MAIN"),
)
_TIME = Column("time", "Start of the exposure, UTC", Kind.TIME, None, "time.start;obs.exposure")
_SEQUENCE_ID = _text("sequence_id", "Observation: the frames of one tracking run", "meta.id;obs")

SOURCES = Catalog(
    name="sources",
    description=(
        "Sources in the network's images, one row per image: detections, and measured"
        " catalog stars without a detection"
    ),
    columns={
        1: (_text("source_id", "Image and number of the source in it", "ID_MAIN"), *_PLACE),
        2: (
            _TIME,
            _text("image_id", "Image", "meta.id;obs.image"),
            _count("picid", "Matched catalog star", "meta.id.cross"),
            _text("catalog", "Catalog of the star", "meta.id;meta.table"),
            _number("flux_adu", "Flux, all colours", "adu", "phot.count;em.opt"),
            _number("flux_err_adu", "Its error", "adu", "stat.error;phot.count;em.opt"),
            _number("fwhm_px", "Full width at half maximum", "pix", "phys.angSize"),
            _count("flags", "Flags of source-extractor", "meta.code.qual"),
            Column("is_detected", "Whether it was detected", Kind.BOOLEAN, None, "meta.code"),
        ),
        3: (
            _SEQUENCE_ID,
            _count("number", "Number of the source in its image", "meta.number"),
            _number("x_px", "Column in the frame, from 0", "pix", "pos.cartesian.x"),
            _number("y_px", "Row in the frame, from 0", "pix", "pos.cartesian.y"),
            _number("separation_arcsec", "Distance to the star", "arcsec", "pos.angDistance"),
            _number("peak_adu", "Highest pixel", "adu", "phot.count;stat.max"),
            _number("ellipticity", "1 - minor by major axis", None, "src.ellipticity"),
            _number(
                "neighbour_flux",
                "Light of other catalog stars in its aperture, relative to its own",
                None,
                "phot.flux;arith.ratio",
            ),
        ),
    },
    selected=select(
        Source.ra_deg,
        Source.dec_deg,
        Source.time,
        Image.image_id,
        Source.picid,
        Source.catalog,
        Source.flux_adu,
        Source.flux_err_adu,
        Source.fwhm_px,
        Source.flags,
        Source.is_detected,
        Image.sequence_id,
        Source.number,
        Source.x_px,
        Source.y_px,
        Source.separation_arcsec,
        Source.peak_adu,
        Source.ellipticity,
        Source.neighbour_flux,
    )
    .join(Image, Image.image_key == Source.image_key)
    .where(Image.reason_code.is_distinct_from(Reason.BAD_TIME))
    .order_by(Source.time.desc(), Source.image_key.desc(), Source.number.desc()),
    position=(Source.ra_deg, Source.dec_deg),
    row=_source,
)
IMAGES = Catalog(
    name="images",
    description="Images of the network whose centre is in the cone",
    columns={
        1: (_text("image_id", "Image", "ID_MAIN"), *_PLACE),
        2: (
            _TIME,
            _number("exptime_s", "Exposure", "s", "time.duration;obs.exposure"),
            Column("field", "Target field", Kind.TEXT, None, "meta.id;src"),
            _SEQUENCE_ID,
            _text("obs_publisher_did", "Identifier for DataLink and SIA", "meta.ref.ivoid"),
            *_figures(2),
            _text("state", "Processing state of the image", "meta.code.status"),
        ),
        3: (
            _number("pixel_scale_arcsec", "Side of a pixel", "arcsec", "phys.angSize;instr.pixel"),
            _number("rotation_deg", "Position angle of the +y axis", "deg", "pos.posAng"),
            *_figures(3),
        ),
    },
    selected=select(
        Image.image_id,
        Image.ra_deg,
        Image.dec_deg,
        Image.time,
        Image.exptime_s,
        Sequence.field,
        Image.sequence_id,
        Image.solved_path,
        Image.state,
        Image.pixel_scale_arcsec,
        Image.rotation_deg,
        *(getattr(Image, name) for name in _CONE_FIGURES),
    )
    .join(Sequence, Sequence.sequence_id == Image.sequence_id)
    .order_by(Image.time.desc(), Image.image_key.desc()),
    position=(Image.ra_deg, Image.dec_deg),
    row=_image,
)
CATALOGS = {catalog.name: catalog for catalog in (SOURCES, IMAGES)}
