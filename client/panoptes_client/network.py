"""What the network is asked for from Python."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, Unpack
from urllib.parse import quote

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.units import Quantity

from panoptes_client.connection import Connection, Patience
from panoptes_client.download import Progress, download_all
from panoptes_client.files import File, files_of
from panoptes_client.search import CandidateSearch, Search, parameters
from panoptes_client.tables import table_at

URL_VARIABLE = "PANOPTES_NETWORK_URL"
LOCAL_URL = "http://127.0.0.1:8083"
"""Where the network on one machine has its data service."""
AT_ONCE = 4
MAX_AT_ONCE = 8
PAGE_LENGTH = 500
MAX_CURVES = 20_000
Method: TypeAlias = Literal["raw", "detrended"]
FileFormat: TypeAlias = Literal["fits", "aavso", "aavso-exoplanet"]


class Network:
    """The PANOPTES network, by its data service.

    Every method raises `RefusedError` for what there is not and for wrong parameters, and
    `UnreachableError` where the network is still away when `patience` ends.

    Parameters
    ----------
    url : str
        Address of the data service, or of an explorer with ``/api`` behind it; without one that
        of the environment variable PANOPTES_NETWORK_URL, and else the network on this machine.
    patience : Patience
        How often it is asked again while it is away.
    """

    def __init__(self, url: str | None = None, patience: Patience = Patience()) -> None:  # noqa: B008 - frozen
        self._connection = Connection(url or os.environ.get(URL_VARIABLE) or LOCAL_URL, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open to the network."""
        self._connection.close()

    def observations(self, *, limit: int | None = None, **search: Unpack[Search]) -> Table:
        """Return the observations that are found, newest first, or the first `limit` of them.

        Parameters
        ----------
        **search
            The filters of `Search`; without one, all observations are meant.

        Returns
        -------
        Table
            A row for each observation; a row's centre is `ra_deg`, `dec_deg` in ICRS, its start
            the UTC text `start_time`. The columns alone where nothing is found.
        """
        sent = {**parameters(search), "limit": str(min(limit or PAGE_LENGTH, PAGE_LENGTH))}
        return table_at(self._connection, "/observations", sent, limit)

    def images(self, sequence_id: str) -> Table:
        """Return the images of an observation with their figures, oldest first."""
        return table_at(self._connection, f"/observations/{quote(sequence_id, safe='')}", {})

    def files(self, sequence_id: str, kinds: Iterable[str] = ()) -> list[File]:
        """Return the files of an observation of these kinds, or of all; see `File`."""
        wanted = set(kinds)
        found = self._json(f"/observations/{quote(sequence_id, safe='')}")
        return [file for file in files_of(found) if not wanted or file.kind in wanted]

    def download(
        self,
        files: Iterable[File],
        folder: str | Path,
        at_once: int = AT_ONCE,
        progress: Progress | None = None,
    ) -> list[Path]:
        """Download files below `folder`, a few at once, and return where they are.

        What is there in its size is left alone. What was cut off goes on where it ended, in a
        later call too. A file has its name only once it is whole.

        Parameters
        ----------
        at_once : int
            1 to 8.
        progress : callable
            Is called with a file, its bytes that are there and its size, from several threads.

        Raises
        ------
        DownloadError
            When some failed; the others are there.
        """
        if not 1 <= at_once <= MAX_AT_ONCE:
            raise ValueError(f"at_once: 1 to {MAX_AT_ONCE}")
        return download_all(self._connection, files, Path(folder), at_once, progress)

    def sources(
        self,
        image_id: str,
        *,
        min_snr: float | None = None,
        matched: bool = False,
        at: SkyCoord | None = None,
        radius: Quantity | float | None = None,
    ) -> Table:
        """Return what was detected in an image, brightest first.

        Parameters
        ----------
        min_snr : float
            Least flux over its error.
        matched : bool
            Only sources that are a catalog star.
        at, radius : SkyCoord, Quantity or float
            Only sources around a place; degrees where the radius has no unit. Both, or neither.
        """
        given = {"min_snr": min_snr, "matched": str(matched).lower()}
        around = parameters({"at": at, "radius": radius})
        return table_at(self._connection, f"{_image(image_id)}/sources", _given(given) | around)

    def cutout(self, image_id: str, at: SkyCoord, side: int = 64) -> fits.HDUList:
        """Return the raw pixels around a place in a solved frame, with the header of the frame.

        Parameters
        ----------
        side : int
            Of the square, pixels; even, 6 to 1024. At the frame's edges it has fewer.

        Returns
        -------
        HDUList
            One image [y, x] of the Bayer mosaic, black level in it; its WCS is the piece's own.
        """
        address = self._connection.address(f"{_image(image_id)}/cutout")
        asked = parameters({"at": at}) | {"side": str(side)}
        return fits.HDUList.fromstring(self._connection.get(address, asked).content)

    def star(self, picid: int | str) -> dict[str, Any]:
        """Return what is known of a star, and the sequences that have it, as the network's JSON.

        Its ids are texts there: they have up to 64 bits.
        """
        return self._json(f"/sources/{picid}")

    def lightcurve(
        self, picid: int | str, sequence_id: str | None = None, *, method: Method = "raw"
    ) -> Table:
        """Return a star's light, oldest first; of one sequence, or the newest.

        Parameters
        ----------
        method : str
            ``raw``: apertures on the stamps, by comparison stars of the same frame.
            ``detrended``: what the network made of the whole sequence; this shows planets.

        Returns
        -------
        Table
            Of a raw curve, for each frame `mjd` (UTC, middle of the exposure) and for each colour
            r, g, b `flux_r` with `flux_err_r` (adu) and `relative_r` with `relative_err_r`,
            median 1. Of a detrended one `bjd_tdb`, `flux` and `flux_err` of all colours together
            and `flux_r`, `flux_err_r` and so on, relative, median 1 in each sequence; the raw
            fluxes (adu); `quality`, 0 where nothing is known against it.
        """
        path = f"/sources/{picid}/lightcurve"
        asked = {"sequence_id": sequence_id, "method": method}
        return table_at(self._connection, path, _given(asked))

    def lightcurve_file(
        self,
        picid: int | str,
        kind: FileFormat = "fits",
        sequence_id: str | None = None,
        *,
        observer: str | None = None,
    ) -> bytes:
        """Return a star's detrended light curve as a file for other programs.

        Parameters
        ----------
        kind : str
            ``fits``: what ``lightkurve.read`` opens. ``aavso``: a report in AAVSO Extended
            Format. ``aavso-exoplanet``: one for its exoplanet database, of one sequence, the
            newest without `sequence_id`.
        observer : str
            The observer's code in a report.
        """
        address = self._connection.address(f"/sources/{picid}/lightcurve")
        asked = {"sequence_id": sequence_id, "format": kind, "obscode": observer}
        sent = {**_given(asked), "method": "detrended"}
        content: bytes = self._connection.get(address, sent).content
        return content

    def light_curves(
        self,
        sequence_id: str,
        *,
        min_mag: float | None = None,
        max_mag: float | None = None,
        sort: str | None = None,
        order: str | None = None,
        limit: int | None = None,
    ) -> Table:
        """Return the stars of an observation that have detrended light curves.

        Parameters
        ----------
        min_mag, max_mag : float
            Gaia G of the star.
        sort : str
            ``mag`` (the default), ``scatter``, ``excess`` (scatter by expected noise), ``chi2``
            or ``variability``.
        order : str
            ``asc`` or ``desc``.
        limit : int
            At most so many; without it, all.

        Returns
        -------
        Table
            For each star its place and `gaia_mag`, the `scatter` of one frame and the
            `expected_noise`, both relative, `reduced_chi2` and `variability`. The light curves
            themselves are the file ``light_curves`` of the observation (`files`).
        """
        asked = {"min_mag": min_mag, "max_mag": max_mag, "sort": sort, "order": order}
        sent = {**_given(asked), "limit": str(min(limit or MAX_CURVES, MAX_CURVES))}
        path = f"/observations/{quote(sequence_id, safe='')}/light-curves"
        return table_at(self._connection, path, sent, limit)

    def candidates(self, *, limit: int | None = None, **search: Unpack[CandidateSearch]) -> Table:
        """Return stars in whose light curves a transit was found, or that vary.

        Parameters
        ----------
        limit : int
            At most so many; without it, all.
        **search
            The filters of `CandidateSearch`.

        Returns
        -------
        Table
            The most significant first: the star, `depth`, `duration_h`, `mid_bjd_tdb`, `period_d`
            where it is known, `significance`, `false_alarm_probability`, and `vetting`, JSON text.
        """
        sent = parameters(search, CandidateSearch)
        sent["limit"] = str(min(limit or PAGE_LENGTH, PAGE_LENGTH))
        return table_at(self._connection, "/candidates", sent, limit)

    def stamps(self, picid: int | str, sequence_id: str | None = None) -> Table:
        """Return a star's stamps, oldest first.

        Returns
        -------
        Table
            The column `pixels` is an array of uint16 [frame, y, x], raw values with the black
            level in them; `stamp_x`, `stamp_y` are a stamp's first pixel in the frame. The
            array has the shape (0, 0, 0) where there are none.
        """
        path = f"/sources/{picid}/stamps"
        table = table_at(self._connection, path, _given({"sequence_id": sequence_id}))
        stamps = [json.loads(text) for text in table["pixels"]]
        pixels = np.array(stamps, dtype=np.uint16) if stamps else np.zeros((0, 0, 0), np.uint16)
        unit, description = table["pixels"].unit, table["pixels"].description
        table["pixels"] = pixels
        table["pixels"].unit, table["pixels"].description = unit, description
        return table

    def units(self) -> Table:
        """Return the units: where they stand, and how much came of them."""
        return table_at(self._connection, "/units", {})

    def nights(self, unit: str) -> Table:
        """Return the nights of a unit that have images, newest first."""
        return table_at(self._connection, f"/units/{quote(unit, safe='')}/nights", {})

    def night(self, unit: str, date: str = "last") -> dict[str, Any]:
        """Return the report of a night, by the date of its evening, as the network's JSON."""
        return self._json(f"/units/{quote(unit, safe='')}/nights/{quote(date, safe='')}")

    def _json(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._connection.get(self._connection.address(path)).json()
        return found


def _image(image_id: str) -> str:
    return f"/images/{quote(image_id, safe='')}"


def _given(parameters: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items() if value is not None}
