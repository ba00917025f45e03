"""SQL conditions for plausible times; see `panoptes_network.ids`."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute

from panoptes_network.ids import FIRST_TIME, end_of_times


def has_plausible(
    column: InstrumentedAttribute[datetime]
    | InstrumentedAttribute[datetime | None]
    | ColumnElement[datetime]
    | ColumnElement[datetime | None],
) -> ColumnElement[bool]:
    """Return the condition that a time is between 2000-01-01 and the end of tomorrow."""
    return and_(column >= FIRST_TIME, column < end_of_times())
