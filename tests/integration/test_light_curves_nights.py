"""The earlier nights of a sequence's stars, with real servers."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import text

from light_curves.claims import Held
from light_curves.measurements import CatalogField
from light_curves.nights import earlier_files, followed
from panoptes_network.config import settings
from panoptes_network.database.light_curve_sets import SetClaim
from tests.integration.solver import Solver
from tests.service.support.operations import add_image

TONIGHT = "PAN001_14d3bd_20181014T130000"
FIELD = CatalogField(
    picid=np.arange(1, 4),
    is_tic=np.ones(3, np.bool_),
    ra_deg=np.full(3, 300.0),
    dec_deg=np.full(3, 44.0),
    gaia_mag=np.array([9, 10, 11], np.float32),
    teff_k=np.full(3, 5000, np.float32),
    is_target=np.ones(3, np.bool_),
)


def add_night(solver: Solver, day: int, picid: int, content: bytes | None) -> None:
    """Write that a star has light curves of a night, with or without the file."""
    sequence_id, path = f"PAN001_14d3bd_201810{day}T130000", f"night_{day}.parquet"
    add_image(solver.db, sequence_id, sequence_id=sequence_id)
    time = datetime(2018, 10, day, 13, tzinfo=UTC)
    with solver.db.begin() as connection:
        connection.execute(
            text("INSERT INTO light_curve_sets (sequence_id, parquet_path) VALUES (:id, :path)"),
            {"id": sequence_id, "path": path},
        )
        connection.execute(
            text(
                "INSERT INTO star_light_curves (sequence_id, picid, catalog, ra_deg, dec_deg,"
                " first_row, n_frames, n_good, first_time, last_time, quality)"
                " VALUES (:id, :picid, 'tic', 300, 44, 0, 9, 9, :time, :time, 0)"
            ),
            {"id": sequence_id, "picid": picid, "time": time},
        )
    if content is not None:
        blob = solver.client.bucket(settings().processed_bucket).blob(path)
        blob.upload_from_string(content)


def test_files_of_nights_with_the_same_stars_come_nearest_first(
    solver: Solver, tmp_path: Path
) -> None:
    add_night(solver, 11, 1, b"eleven")
    add_night(solver, 13, 3, b"thirteen")
    add_night(solver, 12, 2, None)
    add_night(solver, 10, 99, b"other stars")
    add_night(solver, 14, 1, b"tonight")
    held = Held(SetClaim(TONIGHT, 1, 1, (), None), threading.Event())
    files = earlier_files(TONIGHT, FIELD, tmp_path, held)
    assert [file.read_bytes() for file in files] == [b"thirteen", b"eleven"]
    assert list(tmp_path.iterdir()) == []


def test_stars_that_are_candidates_are_followed(solver: Solver) -> None:
    with solver.db.begin() as connection:
        for picid in (2, 99):
            connection.execute(
                text(
                    "INSERT INTO candidates (kind, picid, catalog, ra_deg, dec_deg, n_nights,"
                    " significance, false_alarm_probability)"
                    " VALUES ('transit', :picid, 'tic', 300, 44, 2, 9, 0.001)"
                ),
                {"picid": picid},
            )
    assert followed(FIELD) == {2}
