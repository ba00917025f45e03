"""Python interface of the network."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypeVar, Unpack
from urllib.parse import quote

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.units import Quantity

from panoptes_client.connection import Connection, Patience
from panoptes_client.download import Progress, download_all
from panoptes_client.errors import RefusedError
from panoptes_client.files import File, Observation, files_of
from panoptes_client.names import Named, NameResponse
from panoptes_client.search import CandidateSearch, Search, parameters
from panoptes_client.tables import table_at

R = TypeVar("R")

URL_VARIABLE = "PANOPTES_NETWORK_URL"
LOCAL_URL = "http://127.0.0.1:8083"
"""URL of the data service of the network on one machine."""
AT_ONCE = 4
MAX_AT_ONCE = 8
PAGE_LENGTH = 500
MAX_CURVES = 20_000
Method: TypeAlias = Literal["raw", "detrended"]
FileFormat: TypeAlias = Literal["fits", "aavso", "aavso-exoplanet"]


class Network:
    """The PANOPTES network, accessed through its data service.

    Every method raises `RefusedError` for missing objects and invalid parameters, and
    `UnreachableError` if the network is still unavailable when `patience` ends.

    Parameters
    ----------
    url : str
        URL of the data service, or of an explorer followed by ``/api``. The default is the
        environment variable PANOPTES_NETWORK_URL, or else the network on this machine.
    patience : Patience
        Retry policy while the network is unavailable.
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
        """Close the connections to the network."""
        self._connection.close()

    def observations(self, *, limit: int | None = None, **search: Unpack[Search]) -> Table:
        """Search observations; newest first, at most `limit`.

        Parameters
        ----------
        **search
            Filters of `Search`; without filters, all observations.

        Returns
        -------
        Table
            One row per observation, with its centre `ra_deg`, `dec_deg` in ICRS and its start as
            UTC text in `start_time`. Without matches, the table has columns but no rows.
        """
        sent = {**parameters(search), "limit": str(min(limit or PAGE_LENGTH, PAGE_LENGTH))}
        return table_at(self._connection, "/observations", sent, limit)

    def images(self, sequence_id: str) -> Table:
        """List the images of an observation with their measurements, oldest first."""
        return table_at(self._connection, f"/observations/{quote(sequence_id, safe='')}", {})

    def files(self, sequence_id: str, kinds: Iterable[str] = ()) -> list[File]:
        """List an observation's files, of these kinds or of all; see `File`."""
        wanted = set(kinds)
        found = self._json(Observation, f"/observations/{quote(sequence_id, safe='')}")
        return [file for file in files_of(found) if not wanted or file.kind in wanted]

    def download(
        self,
        files: Iterable[File],
        folder: str | Path,
        at_once: int = AT_ONCE,
        progress: Progress | None = None,
    ) -> list[Path]:
        """Download files below `folder`, several at a time, and return their paths.

        Existing files of the right size are kept. Partial downloads are resumed, also by a later
        call. A file gets its name only when it is complete.

        Parameters
        ----------
        at_once : int
            1 to 8.
        progress : callable
            Called with a file, its bytes so far and its size, from several threads.

        Raises
        ------
        DownloadError
            If some files failed; the others are complete.
        """
        if not 1 <= at_once <= MAX_AT_ONCE:
            raise ValueError(f"at_once must be from 1 to {MAX_AT_ONCE}")
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
        """List the sources of an image, brightest first.

        Parameters
        ----------
        min_snr : float
            Minimum signal-to-noise ratio.
        matched : bool
            Only sources matched to a catalog star.
        at, radius : SkyCoord, Quantity or float
            Only sources around a position; a radius without unit is in degrees. Give both or
            neither.
        """
        given = {"min_snr": min_snr, "matched": str(matched).lower()}
        around = parameters({"at": at, "radius": radius})
        return table_at(self._connection, f"{_image(image_id)}/sources", _given(given) | around)

    def cutout(self, image_id: str, at: SkyCoord, side: int = 64) -> fits.HDUList:
        """Get the raw pixels around a position in a solved frame, with the frame's header.

        Parameters
        ----------
        side : int
            Side of the square in pixels; even, 6 to 1024. It is cropped at the frame's edges.

        Returns
        -------
        HDUList
            One image [y, x] of the Bayer mosaic, including the black level, with the cutout's WCS.
        """
        address = self._connection.address(f"{_image(image_id)}/cutout")
        asked = parameters({"at": at}) | {"side": str(side)}
        return fits.HDUList.fromstring(self._connection.get(address, asked).content)

    def find(self, name: str) -> Named:
        """Look up a name: a star, planet, constellation, deep-sky object, field, unit or id.

        Returns
        -------
        dict
            Its `kind`, best `name`, other `names`, position `ra_deg`, `dec_deg` (ICRS, at the
            Julian year `epoch_yr`) and `radius_deg`. Unknown values are None, as are `picid` and
            `catalog` of a star that the network's catalog lacks.

        Raises
        ------
        RefusedError
            For an unknown name; its message suggests near matches.
        """
        response = self._json(NameResponse, "/names", q=name)
        found, near = response["found"], response["near"]
        if found is None:
            hint = f": did you mean {', '.join(near)}?" if near else ""
            raise RefusedError(f"no match for {name!r}{hint}", HTTPStatus.NOT_FOUND, "q")
        return found

    def star(self, picid: int | str) -> dict[str, Any]:
        """Get a star's data and the sequences that contain it, as the network's JSON.

        Ids are text there, as they have up to 64 bits.
        """
        return self._json(dict, f"/sources/{picid}")

    def lightcurve(
        self, picid: int | str, sequence_id: str | None = None, *, method: Method = "raw"
    ) -> Table:
        """Get a star's light curve, oldest first, from one sequence or the newest ones.

        Parameters
        ----------
        method : str
            ``raw``: aperture photometry on stamps, relative to comparison stars of the same frame.
            ``detrended``: made by the network from the whole sequence; use it for planets.

        Returns
        -------
        Table
            For a raw curve, per frame `mjd` (UTC, middle of the exposure) and for each colour r, g,
            b `flux_r` with `flux_err_r` (adu) and `relative_r` with `relative_err_r`,
            median 1. For a detrended one `bjd_tdb`, `flux` and `flux_err` of all colours together
            and `flux_r`, `flux_err_r` and so on, relative, median 1 in each sequence; the raw
            fluxes (adu); `quality`, 0 for good measurements.
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
        """Get a star's detrended light curve as a file for other programs.

        Parameters
        ----------
        kind : str
            ``fits``: FITS for ``lightkurve.read``. ``aavso``: a report in AAVSO Extended
            Format. ``aavso-exoplanet``: a report for its exoplanet database, from one sequence, by
            default the newest.
        observer : str
            Observer code for a report.
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
        """List an observation's stars with detrended light curves.

        Parameters
        ----------
        min_mag, max_mag : float
            Range of Gaia G.
        sort : str
            ``mag`` (the default), ``scatter``, ``excess`` (scatter by expected noise), ``chi2``
            or ``variability``.
        order : str
            ``asc`` or ``desc``.
        limit : int
            Maximum number of rows; by default, all.

        Returns
        -------
        Table
            Position and `gaia_mag` of each star, `scatter` and `expected_noise` of one frame, both
            relative, `reduced_chi2` and `variability`. The light curves themselves are in the
            observation's file ``light_curves`` (`files`).
        """
        asked = {"min_mag": min_mag, "max_mag": max_mag, "sort": sort, "order": order}
        sent = {**_given(asked), "limit": str(min(limit or MAX_CURVES, MAX_CURVES))}
        path = f"/observations/{quote(sequence_id, safe='')}/light-curves"
        return table_at(self._connection, path, sent, limit)

    def candidates(self, *, limit: int | None = None, **search: Unpack[CandidateSearch]) -> Table:
        """Search transit and variable-star candidates.

        Parameters
        ----------
        limit : int
            Maximum number of rows; by default, all.
        **search
            Filters of `CandidateSearch`.

        Returns
        -------
        Table
            Most significant first: the star, `depth`, `duration_h`, `mid_bjd_tdb`, `period_d` if
            known, `significance`, `false_alarm_probability`, and `vetting` as JSON text.
        """
        sent = parameters(search, CandidateSearch)
        sent["limit"] = str(min(limit or PAGE_LENGTH, PAGE_LENGTH))
        return table_at(self._connection, "/candidates", sent, limit)

    def stamps(self, picid: int | str, sequence_id: str | None = None) -> Table:
        """Get a star's stamps, oldest first.

        Returns
        -------
        Table
            The column `pixels` is an array of uint16 [frame, y, x], raw values including the black
            level; `stamp_x`, `stamp_y` are a stamp's first pixel in the frame. Without stamps, the
            array has the shape (0, 0, 0).
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
        """List the units, with their locations and numbers of images."""
        return table_at(self._connection, "/units", {})

    def nights(self, unit: str) -> Table:
        """List a unit's nights with images, newest first."""
        return table_at(self._connection, f"/units/{quote(unit, safe='')}/nights", {})

    def night(self, unit: str, date: str = "last") -> dict[str, Any]:
        """Get the report of a night, by the date of its evening, as the network's JSON."""
        return self._json(dict, f"/units/{quote(unit, safe='')}/nights/{quote(date, safe='')}")

    def _json(self, kind: Callable[..., R], path: str, **parameters: str) -> R:
        address = self._connection.address(path)
        return kind(**self._connection.get(address, parameters).json())


def _image(image_id: str) -> str:
    return f"/images/{quote(image_id, safe='')}"


def _given(parameters: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items() if value is not None}
