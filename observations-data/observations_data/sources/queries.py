"""The sources of an image: detections, and undetected catalog stars."""

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from observations_data.database import AnyRow, as_record, count, unknown
from observations_data.stars.parameters import SourceSearch
from observations_data.stars.star import star_url
from panoptes_network.database.models import CatalogStar, Image, Source
from panoptes_network.responses import stars as responses
from panoptes_network.sky.zones import is_near

# Not a join: that might read the whole catalog for an image's many rows.
MAGNITUDE = (
    select(CatalogStar.mag)
    .where(CatalogStar.picid == Source.picid, CatalogStar.catalog == Source.catalog)
    .scalar_subquery()
)
SOURCE_COLUMNS = (
    Source.number,
    Source.picid,
    Source.catalog,
    MAGNITUDE.label("mag"),
    Source.ra_deg,
    Source.dec_deg,
    Source.x_px,
    Source.y_px,
    Source.separation_arcsec,
    Source.flux_adu,
    Source.flux_err_adu,
    Source.peak_adu,
    Source.fwhm_px,
    Source.ellipticity,
    Source.flags,
    Source.is_detected,
    Source.neighbour_flux,
    Source.stamp_side.is_not(None).label("has_stamp"),
)


def sources_of(session: Session, image_id: str, search: SourceSearch) -> responses.SourcePage:
    """Return a page of an image's sources.

    Detections come first, brightest first, then undetected catalog stars. The rows are numbered in
    this order, so that the primary key finds any page.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the image does not exist.
    """
    image = session.execute(
        select(Image.time, Image.image_key).where(Image.image_id == image_id)
    ).one_or_none()
    if image is None:
        raise unknown("image", image_id)
    # Include the time: without it every month's table would be searched.
    wanted = [Source.time == image.time, Source.image_key == image.image_key, *_wanted(search)]
    behind = [] if search.after is None else [Source.number > search.after]
    rows = session.execute(
        select(*SOURCE_COLUMNS)
        .where(*wanted, *behind)
        .order_by(Source.number)
        .limit(search.limit + 1)
    ).all()
    page = rows[: search.limit]
    return {
        "image_id": image_id,
        "items": [_source(row) for row in page],
        "total": count(session, select(func.count()).select_from(Source).where(*wanted)),
        "next": str(page[-1].number) if len(rows) > search.limit else None,
    }


def _wanted(search: SourceSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.min_snr is not None:
        conditions.append(Source.flux_adu >= search.min_snr * Source.flux_err_adu)
    if search.matched:
        conditions.append(Source.picid.is_not(None))
    if search.cone is not None:
        centre_deg = search.cone.ra_deg, search.cone.dec_deg
        conditions.append(
            is_near(Source.ra_deg, Source.dec_deg, centre_deg, search.cone.radius_deg)
        )
    return conditions


def _source(row: AnyRow) -> responses.Source:
    star: dict[str, str | None] = {"url": None}
    if row.picid is not None:
        star = {"picid": str(row.picid), "url": star_url(row.picid, row.catalog)}
    return as_record(responses.Source, row._asdict() | star)
