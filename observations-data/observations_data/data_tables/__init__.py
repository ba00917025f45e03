"""Listings as tables: JSON, CSV, VOTable and Parquet of the same columns and rows."""

from observations_data.data_tables.columns import Column, Kind, Row, Table
from observations_data.data_tables.csv_format import csv_lines
from observations_data.data_tables.response import (
    MEDIA_TYPES,
    Format,
    label_download,
    table_response,
)
from observations_data.data_tables.votable_format import votable, votable_bytes, with_rows

__all__ = [
    "MEDIA_TYPES",
    "Column",
    "Format",
    "Kind",
    "Row",
    "Table",
    "csv_lines",
    "label_download",
    "table_response",
    "votable",
    "votable_bytes",
    "with_rows",
]
