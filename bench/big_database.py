"""A database of the size that the network may come to, made by SQL alone.

``python bench/big_database.py FOLDER [--sequences 50000] [--images 20] [--sources 0]`` makes it
in FOLDER, prints its address and serves it until it is interrupted. A bench calls `fill`.

Units and cameras take turns; fields repeat every 700 sequences and lie evenly over the whole
sky, one of fourteen has no name. Of a hundred images 85 have their stamps, and every state
occurs; beside one of 500 lies a file that was refused. Each source is a star that all images of
its field have, with a stamp of 10x10.
"""

import argparse
import signal
from pathlib import Path

from servers import database
from sqlalchemy import Connection, create_engine, text

from panoptes_network.config import settings

SEQUENCES, IMAGES, SOURCES = 50_000, 20, 23
"""The size that the figures are given for: images of a sequence, sources of a solved image.

They are a million images, of which 890,000 are solved, and 20 million sources.
"""

_UNITS = """
INSERT INTO units (unit_id, name, latitude_deg, longitude_deg, elevation_m)
SELECT 'PAN' || lpad(n::text, 3, '0'), 'Unit ' || n, -60 + 6 * n, -180 + 18 * n, 100 * n
FROM generate_series(1, 20) AS n;
INSERT INTO cameras (camera_id, unit_id)
SELECT lpad(to_hex(1000000 + 7919 * n), 6, '0'), 'PAN' || lpad((1 + mod(n, 20))::text, 3, '0')
FROM generate_series(0, 39) AS n;
"""
_SEQUENCES = """
INSERT INTO sequences
    (sequence_id, unit_id, camera_id, start_time, field, exptime_s, iso, software,
     mount_ra_deg, mount_dec_deg, tags)
SELECT camera.unit_id || '_' || camera_id || '_' || to_char(start AT TIME ZONE 'UTC',
           'YYYYMMDD"T"HH24MISS'),
       camera.unit_id, camera_id, start,
       CASE WHEN mod(n, 14) > 0 THEN 'Field ' || mod(n, 700) END,
       CASE WHEN mod(n, 90) > 0 THEN (ARRAY[30, 60, 120, 300])[1 + mod(n, 4)] END, 100, 'POCS',
       mod(n, 700) * 137.50776 - 360 * floor(mod(n, 700) * 137.50776 / 360),
       asind(2 * (mod(n, 700) + 0.5) / 700 - 1),
       CASE WHEN mod(n, 10) = 0 THEN ARRAY['tag ' || mod(n, 30)] ELSE '{}' END
FROM generate_series(0, :sequences - 1) AS n
CROSS JOIN LATERAL (SELECT timestamptz '2016-01-01Z' + n * interval '97 minutes' AS start)
JOIN (SELECT *, row_number() OVER (ORDER BY camera_id) - 1 AS turn FROM cameras) AS camera
    ON turn = mod(n, 40);
"""
_IMAGES = """
INSERT INTO images
    (image_id, sequence_id, time, bucket, bucket_path, generation, state, reason_code, tries,
     headers, exptime_s, solved_path, ra_deg, dec_deg, pixel_scale_arcsec, rotation_deg,
     footprint_deg, rms_arcsec, n_sources, n_matched, n_stamps, fwhm_px, background_adu,
     limiting_mag, processing_s, received_at, updated_at)
SELECT unit_id || '_' || camera_id || '_' || stem, sequence_id, time, 'panoptes-raw',
       path || '.fits.fz', 1, state, CASE state WHEN 'error' THEN 'truncated' END, 1,
       jsonb_build_object('IMAGEID', sequence_id, 'FIELD', field, 'EXPTIME', exptime_s,
           'RA-MNT', mount_ra_deg, 'DEC-MNT', mount_dec_deg, 'ISO', iso, 'CREATOR', software,
           'INSTRUME', camera_id, 'OBSERVER', 'Generic PANOPTES Unit', 'AIRMASS', 1.1),
       exptime_s, CASE WHEN is_solved THEN path || '.fits.fz' END,
       CASE WHEN is_solved THEN mount_ra_deg END, CASE WHEN is_solved THEN mount_dec_deg END,
       10.3, 90, CASE WHEN is_solved THEN ARRAY[
           mount_ra_deg - 7, mount_dec_deg - 5, mount_ra_deg + 7, mount_dec_deg - 5,
           mount_ra_deg + 7, mount_dec_deg + 5, mount_ra_deg - 7, mount_dec_deg + 5] END,
       2.5, n_sources, n_sources, n_sources, 2.1, 2900, 12.5, 6.5,
       time + interval '5 minutes', time + interval '6 minutes'
FROM sequences
CROSS JOIN generate_series(1, :images) AS n
CROSS JOIN LATERAL (SELECT start_time + n * interval '140 seconds' AS time)
CROSS JOIN LATERAL (SELECT to_char(time AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS') AS stem)
CROSS JOIN LATERAL (SELECT unit_id || '/' || coalesce(field || '/', '') || camera_id || '/'
    || to_char(start_time AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS') || '/' || stem AS path)
CROSS JOIN LATERAL (SELECT mod(abs(hashtext(sequence_id || n)), 100) AS chance)
CROSS JOIN LATERAL (SELECT CASE WHEN chance < 85 THEN 'sources_extracted' ELSE
    (ARRAY['metadata_received', 'solving', 'solved', 'sources_detected', 'skipped', 'unsolved',
           'error'])[1 + mod(chance, 7)] END AS state)
CROSS JOIN LATERAL (SELECT state IN ('solved', 'sources_detected', 'sources_extracted')
    AS is_solved)
CROSS JOIN LATERAL (SELECT CASE WHEN is_solved THEN CAST(:sources AS integer) END AS n_sources);
"""
_FILES = """
INSERT INTO image_files
SELECT 'panoptes-processed', replace(bucket_path, '.fits.fz', ending), image_id, kind, 1,
       bucket_path, 1, n_bytes, updated_at
FROM images
CROSS JOIN (VALUES ('picture', '.jpg', 400000), ('thumbnail', '_thumb.jpg', 16000))
    AS files (kind, ending, n_bytes)
WHERE solved_path IS NOT NULL;
INSERT INTO image_events (at, image_id, bucket_path, service, state, reason_code)
SELECT updated_at, image_id, bucket_path, 'gce-plate-solver', state, reason_code
FROM images WHERE mod(image_key, 20) = 0;
INSERT INTO image_events (at, bucket_path, service, state, reason_code, reason)
SELECT received_at, replace(bucket_path, '.fits.fz', '.nef'), 'cf-image-received', 'error',
       'unknown_file_type', 'no file of this type is read'
FROM images WHERE mod(image_key, 500) = 0;
"""
_SOURCES = """
SELECT ensure_sources_partition(month) FROM generate_series(
    date_trunc('month', (SELECT min(time) FROM images), 'UTC'),
    (SELECT max(time) FROM images), interval '1 month') AS month;
INSERT INTO sources
SELECT time, image_key, n, 1000000 + 10000 * mod(abs(hashtext(field)), 700) + n, 'tic',
       ra_deg - 6 + 12 * frac1, dec_deg / 90 * 80 - 4 + 8 * frac2, 5208 * frac1, 3476 * frac2,
       1.5, 50000 / n, 30, 20000 / n, 2.1, 0.1, 0, 2 * floor(2599 * frac1), 2 * floor(1733 * frac2),
       10, decode(repeat('0a35', 100), 'hex')
FROM (SELECT images.*, field FROM images JOIN sequences USING (sequence_id)
      WHERE solved_path IS NOT NULL) AS solved
CROSS JOIN generate_series(1, :sources) AS n
CROSS JOIN LATERAL (SELECT n * 0.618034 - floor(n * 0.618034) AS frac1,
                           n * 0.754878 - floor(n * 0.754878) AS frac2);
"""


def fill(
    connection: Connection, sequences: int = SEQUENCES, images: int = IMAGES, sources: int = 0
) -> None:
    """Fill an empty, migrated database, as its owner.

    Triggers rest while rows come by the million; the figures are counted at the end.

    Parameters
    ----------
    connection : Connection
        Within a transaction.
    sequences : int
    images : int
        Of each sequence, above 0.
    sources : int
        Of each solved image.
    """
    numbers = {"sequences": sequences, "images": images, "sources": sources}
    _let_triggers(connection, "DISABLE")
    for statements in (_UNITS, _SEQUENCES, _IMAGES, _FILES, _SOURCES):
        for statement in filter(str.strip, statements.split(";")):
            used = {name: n for name, n in numbers.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    _let_triggers(connection, "ENABLE")
    connection.execute(text("SELECT recount_figures()"))


def _let_triggers(connection: Connection, change: str) -> None:
    for name in ("sequences", "images", "image_files"):
        connection.execute(text(f"ALTER TABLE {name} {change} TRIGGER USER"))


def make(sequences: int, images: int, sources: int) -> None:
    """Fill the database of the settings and vacuum it, however long that takes: see `fill`."""
    owner = create_engine(settings().database_url)  # the network's own has a time limit
    with owner.begin() as connection:
        fill(connection, sequences, images, sources)
    with owner.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    owner.dispose()


def main() -> None:
    """Make the database and serve it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--images", type=int, default=IMAGES, help="of one sequence")
    parser.add_argument("--sources", type=int, default=0, help="of a solved image")
    given = parser.parse_args()
    with database(given.folder) as cluster:
        make(given.sequences, given.images, given.sources)
        print(cluster.url(), flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
