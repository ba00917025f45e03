"""Sequences of images with stars in them, as the plate solver leaves them in the database."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from panoptes_network.database.models import CatalogStar, Image
from panoptes_network.frames.bayer import SATURATION_ADU, STAMP_SIDE, cut_stamps, stamp_corner
from simulator.optics import field_wcs

SIZE = 400
WCS = field_wcs(83.8, -5.4, 20.0, SIZE, SIZE)
"""Of every frame, as if nothing drifted."""
SKY_ADU = 2200
NOISE_ADU = 8.0
SATURATED_STAR = 7
DRIFT_PX = (-0.5, -1.75)
DIP_FRAMES = slice(4, 7)
OF_STARS = (
    *("picid", "catalog", "separation_arcsec", "stamp_side", "stamp_x", "stamp_y", "stamp"),
)
"""Columns that only sources with a star have."""
MEASURED = (
    *("number", "ra_deg", "dec_deg", "x_px", "y_px", "flux_adu", "flux_err_adu", "peak_adu"),
    *("fwhm_px", "ellipticity", "flags", *OF_STARS),
)
INSERT = text(
    f"INSERT INTO sources (image_key, time, {', '.join(MEASURED)})"  # noqa: S608
    f" SELECT :image_key, :time, {', '.join(MEASURED)}"
    " FROM json_populate_recordset(CAST(NULL AS sources), CAST(:rows AS json))"
)
"""One text for all rows: a value for each column of each would take much longer."""


@dataclass(frozen=True)
class StarField:
    """Stars of a made-up frame: star n has the picid `first_picid` + n, and stands alone.

    They lie on a grid, so that none has a neighbour; star `SATURATED_STAR` is too bright.
    """

    number: int = 40
    first_picid: int = 1000
    catalog: str = "tic"
    dip: float = 0.0
    """By how much star 0 is fainter in `DIP_FRAMES`."""

    def places(self, frame: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y in a frame; the sky drifts behind it."""
        rng = np.random.default_rng(5)
        grid = np.arange(self.number)
        x = 40 + 50 * (grid % 7) + rng.uniform(0, 2, self.number) + DRIFT_PX[0] * frame
        y = 60 + 50 * (grid // 7) + rng.uniform(0, 2, self.number) + DRIFT_PX[1] * frame
        return x, y

    def fluxes(self, frame: int) -> NDArray[np.float64]:
        """Return the whole light of each star, as if all pixels were of one colour, ADU."""
        fluxes = np.random.default_rng(6).uniform(15_000, 40_000, self.number)
        fluxes[SATURATED_STAR : SATURATED_STAR + 1] = 400_000
        if frame in range(*DIP_FRAMES.indices(frame + 1)):
            fluxes[0] *= 1 - self.dip
        return fluxes


@cache
def mosaic(field: StarField, frame: int) -> NDArray[np.uint16]:
    """Draw a frame: round stars on a plain sky with noise."""
    light = np.random.default_rng([7, frame]).normal(SKY_ADU, NOISE_ADU, (SIZE, SIZE))
    y, x = np.indices((SIZE, SIZE), sparse=True)
    for at_x, at_y, flux in zip(*field.places(frame), field.fluxes(frame), strict=True):
        rows, columns = (slice(int(at) - 12, int(at) + 13) for at in (at_y, at_x))
        square = (x[:, columns] - at_x) ** 2 + (y[rows] - at_y) ** 2
        light[rows, columns] += flux / (2 * np.pi * 1.5**2) * np.exp(-square / (2 * 1.5**2))
    return light.round().clip(0, SATURATION_ADU).astype(np.uint16)


def add_stars(session: Session, sequence_id: str, field: StarField) -> list[str]:
    """Add a field's stars to all images of a sequence; return the images' ids, oldest first.

    The sources are numbered brightest first, and the last of each image is no known star.
    """
    images = session.execute(
        select(Image.image_id, Image.image_key, Image.time)
        .where(Image.sequence_id == sequence_id)
        .order_by(Image.time)
    ).all()
    for frame, image in enumerate(images):
        session.execute(text("SELECT ensure_sources_partition(:time)"), {"time": image.time})
        given = {"image_key": image.image_key, "time": image.time, "rows": _sources(field, frame)}
        session.execute(INSERT, given)
    return [image.image_id for image in images]


def add_catalog_star(
    session: Session,
    picid: int,
    catalog: str = "tic",
    mag: float = 9.5,
    motion: tuple[float, float] = (3.0, -4.0),
) -> None:
    """Add a star to the catalog, of unknown temperature."""
    nothing = float("nan")
    session.add(
        CatalogStar(
            picid=picid,
            catalog=catalog,
            healpix=0,
            ra_deg=83.1,
            dec_deg=-5.2,
            pmra_masyr=motion[0],
            pmdec_masyr=motion[1],
            mag=mag,
            gaia_mag=mag + 0.5,
            teff_k=nothing,
        )
    )


@cache
def _sources(field: StarField, frame: int) -> str:
    """Return a frame's sources as JSON, without the columns that say which image it is."""
    x, y, flux = *field.places(frame), field.fluxes(frame)
    stamp_x, stamp_y = stamp_corner(x), stamp_corner(y)
    stamps = cut_stamps(mosaic(field, frame), stamp_x, stamp_y).astype(">u2")
    made = [
        {
            **_source(number, float(x[star]), float(y[star])),
            "flux_adu": float(flux[star]),
            "flags": 4 if star == SATURATED_STAR else 0,
            "picid": field.first_picid + int(star),
            "catalog": field.catalog,
            "separation_arcsec": 1.5,
            "stamp_side": STAMP_SIDE,
            "stamp_x": int(stamp_x[star]),
            "stamp_y": int(stamp_y[star]),
            "stamp": f"\\x{stamps[star].tobytes().hex()}",
        }
        for number, star in enumerate(np.argsort(-flux))
    ]
    return json.dumps([*made, _source(field.number, 390.0, 391.0)])


def _source(number: int, x_px: float, y_px: float) -> dict[str, Any]:
    ra_deg, dec_deg = WCS.all_pix2world(x_px, y_px, 0)
    return {
        "number": number,
        "ra_deg": float(ra_deg),
        "dec_deg": float(dec_deg),
        "x_px": x_px,
        "y_px": y_px,
        "flux_adu": 100.0,
        "flux_err_adu": 50.0,
        "peak_adu": 900.0,
        "fwhm_px": 2.5,
        "ellipticity": 0.1,
        "flags": 0,
        **dict.fromkeys(OF_STARS),
    }
