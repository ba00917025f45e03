"""The raw light curve of a star, relative to comparison stars of the same frames."""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from observations_data.database import AnyRow, as_record, plain
from observations_data.photometry import (
    APERTURE_RADIUS_PX,
    ApertureSums,
    RelativeFlux,
    aperture_sums,
    relative_flux,
    steady_stars,
)
from observations_data.photometry.ensemble import NORMAL_MAD, nan_median
from observations_data.stars.parameters import StarId
from observations_data.stars.sequence_stamps import SequenceStamps
from observations_data.stars.star import named, star_url
from panoptes_network.light_curves.schema import COLOURS
from panoptes_network.responses.stars import (
    Aperture,
    ColourScatter,
    RawCurve,
    RawFrame,
    RawSequence,
)
from panoptes_network.source_flags import SATURATED_FLAG

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
DAY = timedelta(days=1)
METHOD = (
    "Raw photometry. Each flux is the sum of the pixels of one Bayer colour in a circle around"
    " the star on its raw stamp, less the median of the same colour on the stamp's border; its"
    " error holds photon noise, read noise and the background's own. Relative flux is that"
    " divided by the weighted mean of comparison stars of the same frame, each over its own"
    " median, and has the median 1 in each sequence. It is not flat-fielded, fits no PSF, knows"
    " no colour terms, and takes no account of where the star lies in the Bayer pattern: as it"
    " drifts, that scatters it far more than the errors say, least in green. Times are UTC at"
    " the unit, not barycentric. See docs/decisions of the project."
)
APERTURE: Aperture = {
    "radius_px": APERTURE_RADIUS_PX,
    "centre": "the source's place in each frame",
    "background": "median of the same colour on the stamp's border, one pixel wide",
}


def light_curve(star: StarId, sequences: list[SequenceStamps]) -> RawCurve:
    """Return a star's flux in each frame, with the method of measurement.

    Parameters
    ----------
    star : StarId
    sequences : list of SequenceStamps
        Each is measured separately; may be empty.

    Returns
    -------
    dict
        Its items are in the order of the frames; the scatter is the standard deviation of each
        colour's relative flux by its median absolute deviation.
    """
    measured = [_measured(sequence) for sequence in sequences]
    items = [item for _, items in measured for item in items]
    about = [said for said, _ in measured]
    used = {star["picid"]: None for said in about for star in said["comparison"]}
    curve: RawCurve = plain(
        {
            **named(star),
            "method": METHOD,
            "aperture": APERTURE,
            "comparison": list(used),
            "sequences": about,
            "items": items,
            "total": len(items),
        }
    )
    return curve


def _measured(sequence: SequenceStamps) -> tuple[RawSequence, list[RawFrame]]:
    """Return a sequence's description and its items."""
    sums = [
        aperture_sums(stamps, x_px, y_px)
        for stamps, x_px, y_px in zip(sequence.stamps, sequence.x_px, sequence.y_px, strict=True)
    ]
    own, *others = sums
    chosen = _chosen(sequence, others)
    nothing = np.empty((0, *own.flux_adu.shape))
    compared = np.stack([others[index].flux_adu for index in chosen]) if len(chosen) else nothing
    relative = relative_flux(own.flux_adu, own.flux_err_adu, compared)
    used = chosen if relative.n_comparison.any() else chosen[:0]
    stars = [sequence.stars[1:][index] for index in used]
    deviation = np.abs(relative.relative - 1)
    scatter = NORMAL_MAD * nan_median(deviation, 0)[0]
    by_colour = dict(zip(COLOURS, scatter.round(5).tolist(), strict=True))
    said: RawSequence = {
        "sequence_id": sequence.sequence_id,
        "n_frames": len(sequence.frames),
        "comparison": [
            {"picid": str(star.picid), "url": star_url(star.picid, star.catalog)} for star in stars
        ],
        "scatter": as_record(ColourScatter, by_colour),
    }
    flags = sequence.flags[0] | np.where(own.is_saturated, SATURATED_FLAG, 0)
    return said, _items(sequence.frames, own, relative, flags)


def _chosen(sequence: SequenceStamps, others: list[ApertureSums]) -> NDArray[np.intp]:
    if not others:
        return np.empty(0, np.intp)
    is_saturated = np.stack([sums.is_saturated for sums in others])
    is_saturated |= sequence.flags[1:] & SATURATED_FLAG > 0
    return steady_stars(np.isfinite(sequence.x_px[1:]), is_saturated)


def _items(
    frames: list[AnyRow], sums: ApertureSums, relative: RelativeFlux, flags: NDArray[np.int64]
) -> list[RawFrame]:
    columns: dict[str, list[object]] = {
        "image_id": [frame.image_id for frame in frames],
        "sequence_id": [frame.sequence_id for frame in frames],
        "time": [frame.time for frame in frames],
        "mjd": [_mjd(frame) for frame in frames],
        "exptime_s": [frame.exptime_s for frame in frames],
    }
    for index, colour in enumerate(COLOURS):
        columns[f"flux_{colour}"] = sums.flux_adu[:, index].round(2).tolist()
        columns[f"flux_err_{colour}"] = sums.flux_err_adu[:, index].round(2).tolist()
        columns[f"relative_{colour}"] = relative.relative[:, index].round(6).tolist()
        columns[f"relative_err_{colour}"] = relative.relative_err[:, index].round(6).tolist()
    columns["n_comparison"] = relative.n_comparison.tolist()
    columns["flags"] = flags.tolist()
    rows = zip(*columns.values(), strict=True)
    return [as_record(RawFrame, dict(zip(columns, row, strict=True))) for row in rows]


def _mjd(frame: AnyRow) -> float | None:
    """Return the middle of an exposure; None if its length is unknown."""
    if frame.exptime_s is None:
        return None
    middle: timedelta = frame.time - MJD_EPOCH + timedelta(seconds=frame.exptime_s / 2)
    return round(middle / DAY, 8)
