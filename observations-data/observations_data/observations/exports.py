"""Exports of observations: all matches of a search as one CSV file, and file lists."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from flask import Response, request

from observations_data.data_tables import Format, Row, csv_lines, label_download
from observations_data.database import read
from observations_data.http.query_parameters import MAX_LIMIT, BadParameterError
from observations_data.observations import queries
from observations_data.observations.parameters import FILE_KINDS, FILM
from observations_data.observations.search.query import Search
from observations_data.observations.tables import OBSERVATIONS_CSV
from panoptes_network.nights.schema import FilePlace
from panoptes_network.responses.observations import Observation, ObservationPage
from panoptes_network.web.public_url import absolute

MAX_ROWS = 100_000
"""Rows per file: as many as a spreadsheet opens, about 15 MB."""


def observations_csv(parameters: Mapping[str, str]) -> Response:
    """Respond with all observations of a search in panoptes-data's format, page by page.

    Invalid parameters or an unavailable database are reported before the first row. If the database
    becomes unavailable later, the response is cut off without its end, as HTTP requires.
    """
    first = _page(parameters, None)
    response = Response(_lines(parameters, first))
    label_download(response, Format.CSV, "observations")
    response.headers["X-Total-Count"] = str(first["total"])
    return response


def file_list(sequence_id: str) -> Response:
    """Respond with the URLs of an observation's files, one per line.

    Raises
    ------
    BadParameterError
        If `kind` is not a kind of file.
    """
    kind = request.args.get("kind")
    if kind and kind not in FILE_KINDS:
        raise BadParameterError("kind", f"one of {', '.join(FILE_KINDS)}")
    found = read(queries.observation, sequence_id)
    by_kind: dict[str, Sequence[FilePlace]] = {
        **found["files"],
        FILM: [found["film"]] if found["film"] else [],
        **{name: [file] for name, file in found["light_curves"].items()},
    }
    wanted = [kind] if kind else by_kind
    urls = [absolute(file["url"]) for each in wanted for file in by_kind.get(each, [])]
    return Response("".join(f"{url}\n" for url in urls), mimetype="text/plain")


def _page(parameters: Mapping[str, str], cursor: str | None) -> ObservationPage:
    asked = {**parameters, "limit": str(MAX_LIMIT), "cursor": cursor or ""}
    return read(queries.observations, Search.parse(asked))


def _lines(parameters: Mapping[str, str], first: ObservationPage) -> Iterator[str]:
    """Yield the lines of the file, some hundreds at a time."""
    lines = csv_lines(OBSERVATIONS_CSV, islice(_rows(parameters, first), MAX_ROWS))
    while piece := "".join(islice(lines, MAX_LIMIT)):
        yield piece


def _rows(parameters: Mapping[str, str], page: ObservationPage) -> Iterator[Row]:
    """Yield the rows of a page and all following ones, each page on demand."""
    yield from map(_contract_row, page["items"])
    while page["next"]:
        page = _page(parameters, page["next"])
        yield from map(_contract_row, page["items"])


def _contract_row(row: Observation) -> Row:
    return {
        **row,
        "field_name": row["field"],
        "time": row["start_time"].replace("T", " ").replace("Z", "+00:00"),
        "coordinates_mount_ra": row["mount_ra_deg"],
        "coordinates_mount_dec": row["mount_dec_deg"],
        "exptime": row["exptime_s"],
        "num_images": row["n_images"],
        "total_exptime": None if row["exptime_s"] is None else row["exptime_s"] * row["n_images"],
        "software_version": row["software"],
    }
