"""Images and sources at places on the sky, for the tests of the Virtual Observatory."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from panoptes_network.database.models import Image, Source
from panoptes_network.states import ImageState
from tests.service.support.web_services import START, add_observation

Place = tuple[float, float]
HALF_WIDTH_DEG, HALF_HEIGHT_DEG = 7.45, 4.97
"""Of a frame of 5208x3476 pixels of 10.3 arcsec."""


def footprint(centre: Place, rotation_deg: float = 0.0) -> list[float]:
    """Return the corners of a frame around a centre, by astropy: ra, dec of each."""
    frame = SkyCoord(*centre, unit="deg").skyoffset_frame(rotation=rotation_deg * u.deg)
    tan = np.tan(np.radians([HALF_WIDTH_DEG, HALF_HEIGHT_DEG]))
    x, y = tan[0] * np.array([-1, 1, 1, -1]), tan[1] * np.array([-1, -1, 1, 1])
    lat = np.arctan2(y, np.hypot(1, x))
    corners = SkyCoord(np.arctan2(x, 1) * u.rad, lat * u.rad, frame=frame).icrs
    return [float(number) for pair in zip(corners.ra.deg, corners.dec.deg, strict=True)
            for number in pair]  # fmt: skip


def solved(centre: Place, rotation_deg: float = 0.0, **columns: Any) -> dict[str, Any]:
    """Return the columns of an image that was solved there."""
    ra_deg, dec_deg = centre
    return {
        "state": ImageState.SOURCES_EXTRACTED,
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "footprint_deg": footprint(centre, rotation_deg),
        "solved_path": f"PAN001/M42/{ra_deg}_{dec_deg}_{rotation_deg}.fits.fz",
        "exptime_s": 120.0,
        "pixel_scale_arcsec": 10.3,
        "fwhm_px": 2.0,
        "headers": {"NAXIS1": 5208, "NAXIS2": 3476},
        **columns,
    }


def add_sources(session: Session, places: Sequence[Place]) -> str:
    """Add an image with sources at these places, numbered from 0; return its id."""
    sequence_id = add_observation(session, images=[solved((83.8, -5.4))])
    session.flush()
    image = session.scalars(select(Image).where(Image.sequence_id == sequence_id)).one()
    session.execute(text("SELECT ensure_sources_partition(:at)"), {"at": START})
    session.add_all(
        Source(
            time=START + timedelta(seconds=91),
            image_key=image.image_key,
            number=number,
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            picid=number + 1000 if number % 2 else None,
            x_px=1.0,
            y_px=2.0,
            flux_adu=5000.0,
            flux_err_adu=70.0,
            peak_adu=900.0,
            fwhm_px=2.0,
            ellipticity=0.1,
            flags=0,
        )
        for number, (ra_deg, dec_deg) in enumerate(places)
    )
    return image.image_id
