"""Binary COPY against PostgreSQL itself, which is the judge of the format."""

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from panoptes_network.database.copy import copy_into, encode, read_copy

RECORDS = np.array(
    [
        (-7, 40_000, -(2**62), 1.5, -np.pi, True, b"abc", b"\0\xff\0", "2016-09-09T08:11:52"),
        (9, -1, 2**62, np.nan, np.inf, False, b"xyz", b"\xff\0\0", "1999-12-31T23:59:59.5"),
    ],
    dtype=[
        ("small", "<i2"),
        ("whole", ">i4"),
        ("big", "<i8"),
        ("single", "<f4"),
        ("double_", "<f8"),
        ("yes", "?"),
        ("word", "S3"),
        ("pixels", "V3"),
        ("time", "M8[us]"),
    ],
)
TABLE = (
    "CREATE TEMPORARY TABLE copied (number int GENERATED ALWAYS AS IDENTITY, small smallint,"
    " whole int, big bigint, single real, double_ double precision, yes boolean, word text,"
    " pixels bytea, time timestamptz)"
)


def test_postgres_reads_what_was_written(db: Engine) -> None:
    query = (
        "SELECT small, whole, big, single::text, double_::text, yes, word,"
        " encode(pixels, 'hex'), time AT TIME ZONE 'UTC' FROM copied ORDER BY number"
    )
    with db.begin() as connection:
        connection.execute(text(TABLE))
        copy_into(connection, "copied", RECORDS)
        first, second = connection.execute(text(query)).all()
    assert " ".join(map(str, first)) == (
        "-7 40000 -4611686018427387904 1.5 -3.141592653589793 True abc 00ff00 2016-09-09 08:11:52"
    )
    assert " ".join(map(str, second)) == (
        "9 -1 4611686018427387904 NaN Infinity False xyz ff0000 1999-12-31 23:59:59.500000"
    )


def test_written_columns_are_read_back(db: Engine) -> None:
    names = [name for name in RECORDS.dtype.names or () if name != "time"]
    with db.begin() as connection:
        connection.execute(text(TABLE))
        copy_into(connection, "copied", RECORDS)
        dtype = np.dtype([(name, RECORDS.dtype[name].newbyteorder("=")) for name in names])
        read = read_copy(connection, "SELECT * FROM copied ORDER BY number", dtype)
    for name in names:
        assert read[name].tobytes() == RECORDS[name].astype(dtype[name]).tobytes(), name


def test_no_records_are_no_rows(db: Engine) -> None:
    with db.begin() as connection:
        connection.execute(text(TABLE))
        copy_into(connection, "copied", RECORDS[:0])
        read = read_copy(connection, "SELECT small FROM copied", np.dtype([("small", "i2")]))
    assert read.shape == (0,)
    assert read.dtype.names == ("small",)


@pytest.mark.parametrize("value", ["NULL::int", "1::bigint"])
def test_a_column_of_another_width_is_refused(db: Engine, value: str) -> None:
    query = f"SELECT {value} AS number UNION ALL SELECT 2"
    with db.begin() as connection, pytest.raises(ValueError, match="column number"):
        read_copy(connection, query, np.dtype([("number", "i4")]))


def test_rows_belong_to_the_callers_transaction(db: Engine) -> None:
    unit = np.array([(b"PAN001",)], dtype=[("unit_id", "S6")])
    with db.connect() as connection:
        copy_into(connection, "units", unit)
        connection.rollback()
        copy_into(connection, "units", unit)
        connection.commit()
    with db.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM units")) == 1


def test_errors_are_sqlalchemys(db: Engine) -> None:
    double = np.array([(b"PAN001",)] * 2, dtype=[("unit_id", "S6")])
    with db.connect() as connection, pytest.raises(DBAPIError, match="duplicate key"):
        copy_into(connection, "units", double)


def test_names_that_would_need_care_are_refused(db: Engine) -> None:
    with db.begin() as connection:
        with pytest.raises(ValueError, match="cannot be the name"):
            copy_into(connection, 'units"; DROP TABLE units', RECORDS)
        with pytest.raises(ValueError, match="cannot be the name"):
            copy_into(connection, "units", np.zeros(1, dtype=[("a, b", "i4")]))


@pytest.mark.parametrize(
    ("records", "error"),
    [
        (np.zeros(1, dtype=[("word", "U3")]), TypeError),
        (np.zeros(1, dtype=[("natural", "u4")]), TypeError),
        (np.zeros(3), TypeError),
        (np.array([("NaT",)], dtype=[("time", "M8[us]")]), ValueError),
    ],
)
def test_what_has_no_column_type_is_refused(records: np.ndarray, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode(records)
