"""The response with a table, in the requested format."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from urllib.parse import urlencode

from flask import Response, jsonify, request
from werkzeug.exceptions import NotAcceptable

from observations_data.data_tables.columns import Row, Table
from observations_data.data_tables.csv_format import csv_lines
from observations_data.data_tables.parquet_format import parquet_bytes
from observations_data.data_tables.votable_format import votable, votable_bytes, with_rows
from observations_data.http.query_parameters import BadParameterError


class Format(StrEnum):
    """Formats of a table, by the parameter ``format``."""

    JSON = "json"
    CSV = "csv"
    VOTABLE = "votable"
    PARQUET = "parquet"


MEDIA_TYPES = {
    "application/json": Format.JSON,
    "text/csv": Format.CSV,
    "application/x-votable+xml": Format.VOTABLE,
    "application/vnd.apache.parquet": Format.PARQUET,
}
"""Media types by format for the Accept header; the first is the default."""
CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.VOTABLE: "application/x-votable+xml",
    Format.PARQUET: "application/vnd.apache.parquet",
}
SUFFIXES = {Format.CSV: ".csv", Format.VOTABLE: ".vot", Format.PARQUET: ".parquet"}


def table_response(
    listing: Mapping[str, object],
    rows: Sequence[Row],
    table: Table,
    *,
    name: str | None = None,
    page: str = "cursor",
) -> Response:
    """Return the rows of a listing in the requested format; as JSON, the whole listing.

    Parameters
    ----------
    listing : mapping
        Its ``next``, if there are more rows, becomes a Link header.
    rows : sequence of mappings
        The rows in `listing`.
    table : Table
        The columns of the flat formats.
    name : str
        Name of the downloaded file, without its suffix; by default the table's.
    page : str
        The parameter that ``next`` is for.

    Raises
    ------
    BadParameterError
        If `format` is not in `Format`.
    NotAcceptable
        If the header Accept allows no format.
    """
    wanted = asked_format()
    if wanted is Format.JSON:
        response = jsonify(listing)
    else:
        response = Response(_written(wanted, rows, table))
        label_download(response, wanted, name or table.name)
    response.vary.add("Accept")
    if listing.get("next"):
        query = urlencode({**request.args.to_dict(), page: listing["next"]})
        response.headers["Link"] = f'<?{query}>; rel="next"'
    return response


def asked_format() -> Format:
    """Return the requested format; see `table_response`."""
    named = request.args.get("format")
    if named:
        try:
            return Format(named)
        except ValueError as error:
            raise BadParameterError("format", f"one of {', '.join(Format)}") from error
    if not request.accept_mimetypes:
        return Format.JSON
    best = request.accept_mimetypes.best_match(MEDIA_TYPES)
    if best is None:
        raise NotAcceptable(f"available media types: {', '.join(MEDIA_TYPES)}")
    return MEDIA_TYPES[best]


def label_download(response: Response, written: Format, name: str) -> None:
    """Set a download's headers: content type and file name."""
    response.content_type = CONTENT_TYPES[written]
    response.headers.set("Content-Disposition", "attachment", filename=name + SUFFIXES[written])


def _written(wanted: Format, rows: Sequence[Row], table: Table) -> str | bytes:
    if wanted is Format.CSV:
        return "".join(csv_lines(table, rows))
    if wanted is Format.PARQUET:
        return parquet_bytes(table, rows)
    return with_rows(_empty_votable(table), table, rows)


@cache
def _empty_votable(table: Table) -> bytes:
    # Written once: astropy takes longer for it than for a page of rows.
    return votable_bytes(votable(table))
