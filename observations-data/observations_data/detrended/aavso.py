"""A star's detrended light curve as a report to the AAVSO.

AAVSO Extended File Format 1.2 (https://www.aavso.org/aavso-extended-file-format) and AAVSO
Exoplanet Report File Format (https://www.aavso.org/aavso-exoplanet-report-file-format,
https://apps.aavso.org/exosite/doc). Both exclude frames of bad quality.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from observations_data.stars.star import star_name
from panoptes_network.errors import PermanentError, Reason
from panoptes_network.light_curves.schema import BAD
from panoptes_network.responses.candidates import KnownAs
from panoptes_network.responses.light_curves import DetrendedCurve, DetrendedFrame, StarPlace
from panoptes_network.responses.values import number

MEDIA_TYPE = "text/plain"
UNIX_EPOCH_JD = 2440587.5
DAY_S = 86400
MAG_ERR = 2.5 / math.log(10)
"""Magnitudes per unit of relative error, to first order."""
SOFTWARE = "PANOPTES network, gce-light-curves"
EXTENDED_FIELDS = (
    "#NAME,DATE,MAG,MERR,FILT,TRANS,MTYPE,CNAME,CMAG,KNAME,KMAG,AMASS,GROUP,CHART,NOTES"
)
LEVEL_NOTE = "level=Gaia G of catalog; only changes measured"
"""Repeated with each magnitude, as the AAVSO does not store comments; below 100 characters with the
image id.
"""
MAG_NOTE = (
    "Untransformed tri-color green. Its zero point is the catalog's Gaia G of the star itself"
    " for the median of each sequence: changes within a sequence are measured, the level is not."
)
FLUX_NOTE = (
    "Red, green and blue pixels of a DSLR combined. An ensemble of the whole field and one map of"
    " the place in the Bayer pattern, shared by all stars, are taken out; airmass is not fitted."
    " Times are the middles of exposures; the start of each is the image's id: whole seconds of"
    " the unit's clock."
)


def extended(curve: DetrendedCurve, obscode: str) -> str:
    """Return a report of the green magnitudes of all frames, UTC Julian dates.

    Parameters
    ----------
    curve : dict
        As returned by `detrended.curve.detrended_curve`.
    obscode : str
        Observer code; may be empty, to be filled in later.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the star's magnitude is unknown.
    """
    star = _star(curve)
    if star["gaia_mag"] is None:
        raise PermanentError(
            Reason.OBJECT_MISSING, "the report needs a magnitude, and this star's is unknown"
        )
    head = {
        "TYPE": "Extended",
        "OBSCODE": obscode,
        "SOFTWARE": SOFTWARE,
        "DELIM": ",",
        "DATE": "JD",
        "OBSTYPE": "DSLR",
    }
    rows = [_magnitude(curve, star["gaia_mag"], item) for item in _good(curve["items"], "_g")]
    return _text(head, [f"#{MAG_NOTE}", EXTENDED_FIELDS, *rows])


def exoplanet(curve: DetrendedCurve, obscode: str) -> str:
    """Return a report of one night, that of the newest sequence, BJD in TDB.

    Raises
    ------
    PermanentError
        With :attr:`Reason.OBJECT_MISSING`, if the star has no light curve.
    """
    _star(curve)
    sequence_id = curve["sequences"][-1]["sequence_id"]
    items = [item for item in curve["items"] if item["sequence_id"] == sequence_id]
    host = _planets_host(curve["known"])
    exptime_s = median(item["exptime_s"] or 0 for item in items)
    head = {
        "TYPE": "EXOPLANET",
        "OBSCODE": obscode,
        "SOFTWARE": SOFTWARE,
        "DELIM": ",",
        "DATE_TYPE": "BJD_TDB",
        "OBSTYPE": "DSLR",
        "STAR_NAME": host or _catalog_name(curve),
        "EXOPLANET_NAME": f"{host} b" if host else "na",
        "BINNING": "1x1",
        "EXPOSURE_TIME": f"{exptime_s:g}",
        "FILTER": "CV",
        "DETREND_PARAMETERS": "AIRMASS",
        "MEASUREMENT_TYPE": "Rnflux",
        "NOTES": f"{sequence_id}. {FLUX_NOTE}",
    }
    rows = [
        f"{item['bjd_tdb']:.8f},{item['flux']:.8f},{_or_na(item['flux_err'], 6)},"
        f"{_or_na(item['airmass'], 6)}"
        for item in _good(items, "")
        if item["bjd_tdb"] is not None
    ]
    return _text(head, ["#DATE,DIFF,ERR,DETREND_1", *rows])


def _star(curve: DetrendedCurve) -> StarPlace:
    if curve["star"] is None:
        raise PermanentError(Reason.OBJECT_MISSING, "this star has no detrended light curve")
    return curve["star"]


def _good(items: list[DetrendedFrame], colour: str) -> Iterator[DetrendedFrame]:
    """Yield the frames with good flux in a colour, or in all colours (an empty text)."""
    for item in items:
        if not item["quality"] & BAD and (number(item, f"flux{colour}") or 0) > 0:
            yield item


def _magnitude(curve: DetrendedCurve, gaia_mag: float, item: DetrendedFrame) -> str:
    flux, flux_err = item["flux_g"] or math.nan, item["flux_err_g"]
    error = None if flux_err is None else MAG_ERR * flux_err / flux
    jd = datetime.fromisoformat(item["time"]).timestamp() / DAY_S + UNIX_EPOCH_JD
    name = curve["known"]["known_name"] or _catalog_name(curve)
    return ",".join(
        (
            name.replace(",", " ")[:30],
            f"{jd:.6f}",
            f"{gaia_mag - 2.5 * math.log10(flux):.4f}",
            _or_na(error, 4),
            *("TG", "NO", "STD", "ENSEMBLE", "na", "na", "na"),
            _or_na(item["airmass"], 3),
            *("na", "na", f"{item['image_id']} {LEVEL_NOTE}"),
        )
    )


def _planets_host(known: KnownAs) -> str | None:
    """Return the name of a host whose transiting planet is b; None for other stars.

    For ``planets``, hosts of several, it is unknown which one transits.
    """
    return known["known_name"] if known["known_kind"] == "planet" else None


def _catalog_name(curve: DetrendedCurve) -> str:
    return star_name(int(curve["picid"]), curve["catalog"])


def _or_na(value: float | None, digits: int) -> str:
    return "na" if value is None else f"{value:.{digits}f}"


def _text(head: dict[str, str], lines: list[str]) -> str:
    parameters = [f"#{name}={value}" for name, value in head.items()]
    return "\n".join([*parameters, *lines]) + "\n"
