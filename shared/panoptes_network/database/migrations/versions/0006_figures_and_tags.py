"""Figures of sequences and files that triggers keep; tags; indexes for each order of a search."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATES = (
    "metadata_received",
    "solving",
    "solved",
    "sources_detected",
    "sources_extracted",
    "skipped",
    "unsolved",
    "error",
)
ON_SKY = "ra_deg BETWEEN 0 AND 360 AND dec_deg BETWEEN -90 AND 90"
# What each row of an image adds, `sign` times. What a header or a solution cannot mean
# (NaN, a year of exposure) adds nothing.
SUMS = {
    "n_images": "sum(sign)",
    **{f"n_{state}": f"sum(sign) FILTER (WHERE state = '{state}')" for state in STATES},
    "n_centres": f"sum(sign) FILTER (WHERE {ON_SKY})",
    "sum_x": f"sum(sign * cosd(dec_deg) * cosd(ra_deg)) FILTER (WHERE {ON_SKY})",
    "sum_y": f"sum(sign * cosd(dec_deg) * sind(ra_deg)) FILTER (WHERE {ON_SKY})",
    "sum_z": f"sum(sign * sind(dec_deg)) FILTER (WHERE {ON_SKY})",
    "n_sources": "sum(sign * n_sources)",
    "n_matched": "sum(sign * n_matched)",
    "n_stamps": "sum(sign * n_stamps)",
    "exposure_s": "sum(sign * exptime_s) FILTER (WHERE exptime_s BETWEEN 0 AND 86400)",
}
ADDED = ",\n".join(f"{name} = figures.{name} + coalesce(change.{name}, 0)" for name in SUMS)
SUMMED = ",\n".join(f"{sums} AS {name}" for name, sums in SUMS.items())


def add_images(changes: str) -> str:
    """Return the statement that adds `changes`, rows of images with a sign, to the figures."""
    return f"""
    UPDATE sequence_figures AS figures SET
        {ADDED},
        updated_at = greatest(figures.updated_at, change.updated_at),
        first_image = (SELECT min(time) FROM images WHERE sequence_id = figures.sequence_id),
        last_image = (SELECT max(time) FROM images WHERE sequence_id = figures.sequence_id),
        footprint_deg = (
            SELECT footprint_deg FROM images
            WHERE sequence_id = figures.sequence_id AND footprint_deg IS NOT NULL
            ORDER BY time DESC LIMIT 1)
    FROM (
        SELECT sequence_id, max(updated_at) AS updated_at, {SUMMED}
        FROM ({changes}) AS changes GROUP BY sequence_id
    ) AS change
    WHERE figures.sequence_id = change.sequence_id;
    """  # noqa: S608 - made of the constants above


def add_files(changes: str) -> str:
    """Return the statement that adds `changes`, rows of files with a sign, to the figures."""
    return f"""
    INSERT INTO file_figures AS figures
    SELECT unit_id, kind, sum(sign), sum(sign * n_bytes)
    FROM (SELECT left(split_part(image_id, '_', 1), 20) AS unit_id, * FROM ({changes})) AS changes
    WHERE kind IS NOT NULL
    GROUP BY unit_id, kind ORDER BY unit_id, kind
    ON CONFLICT (unit_id, kind) DO UPDATE SET
        n_files = figures.n_files + excluded.n_files,
        n_bytes = figures.n_bytes + excluded.n_bytes;
    """  # noqa: S608 - made of the constants above


TABLES = f"""
ALTER TABLE sequences ADD tags text[] NOT NULL DEFAULT '{{}}';
CREATE INDEX sequences_tags ON sequences USING gin (tags);

DROP INDEX sequences_start;
CREATE INDEX sequences_start ON sequences (start_time, sequence_id);
CREATE INDEX sequences_field ON sequences (field, sequence_id);
CREATE INDEX sequences_exptime ON sequences (exptime_s, sequence_id);
CREATE INDEX sequences_unit ON sequences (unit_id, start_time);
CREATE INDEX sequences_camera ON sequences (camera_id, start_time);
CREATE INDEX images_footprint ON images (sequence_id, time) WHERE footprint_deg IS NOT NULL;

CREATE TABLE sequence_figures (
    sequence_id text PRIMARY KEY REFERENCES sequences ON DELETE CASCADE,
    n_images integer NOT NULL DEFAULT 0,
    {"".join(f"n_{state} integer NOT NULL DEFAULT 0, " for state in STATES)}
    n_centres integer NOT NULL DEFAULT 0,
    sum_x double precision NOT NULL DEFAULT 0,
    sum_y double precision NOT NULL DEFAULT 0,
    sum_z double precision NOT NULL DEFAULT 0,
    n_sources bigint NOT NULL DEFAULT 0,
    n_matched bigint NOT NULL DEFAULT 0,
    n_stamps bigint NOT NULL DEFAULT 0,
    exposure_s double precision NOT NULL DEFAULT 0,
    first_image timestamptz,
    last_image timestamptz,
    footprint_deg double precision[],
    updated_at timestamptz
);
CREATE INDEX sequence_figures_images ON sequence_figures (n_images, sequence_id);

CREATE TABLE file_figures (
    unit_id text NOT NULL,
    kind text NOT NULL,
    n_files bigint NOT NULL,
    n_bytes bigint NOT NULL,
    PRIMARY KEY (unit_id, kind)
);
GRANT SELECT ON sequence_figures, file_figures TO panoptes_reader;
"""

# They run with the rights of their owner, so that whoever may write an image need not be
# allowed to write a figure. Those of images and files are deferred to the transaction's end:
# no lock on a figure is held for longer than the commit takes, and each comes behind all locks
# on images. What is read of `images` (the first, the last, the newest solved one) is read by a
# statement that begins behind the lock, so that it sees what the lock's last holder wrote.
TRIGGERS = f"""
CREATE FUNCTION begin_figures() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO sequence_figures (sequence_id) VALUES (NEW.sequence_id);
    RETURN NULL;
END $$;
CREATE TRIGGER sequences_figures AFTER INSERT ON sequences
FOR EACH ROW EXECUTE FUNCTION begin_figures();

CREATE FUNCTION count_image() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM sequence_figures WHERE sequence_id IN (OLD.sequence_id, NEW.sequence_id)
    ORDER BY sequence_id FOR NO KEY UPDATE;
    {add_images("SELECT OLD.*, -1 AS sign UNION ALL SELECT NEW.*, 1")}
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER images_figures AFTER INSERT OR UPDATE OR DELETE ON images
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_image();

CREATE FUNCTION count_file() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    {add_files("SELECT OLD.*, -1 AS sign UNION ALL SELECT NEW.*, 1")}
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER image_files_figures AFTER INSERT OR UPDATE OR DELETE ON image_files
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_file();

CREATE FUNCTION recount_figures() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE sequences, images, image_files IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM sequence_figures;
    INSERT INTO sequence_figures (sequence_id) SELECT sequence_id FROM sequences;
    {add_images("SELECT *, 1 AS sign FROM images")}
    DELETE FROM file_figures;
    {add_files("SELECT *, 1 AS sign FROM image_files")}
END $$;
REVOKE EXECUTE ON FUNCTION begin_figures, count_image, count_file, recount_figures FROM PUBLIC;
SELECT recount_figures();
"""  # noqa: S608 - made of the constants above

DOWNGRADE = """
DROP FUNCTION recount_figures;
DROP TRIGGER image_files_figures ON image_files;
DROP TRIGGER images_figures ON images;
DROP TRIGGER sequences_figures ON sequences;
DROP FUNCTION count_file;
DROP FUNCTION count_image;
DROP FUNCTION begin_figures;
DROP TABLE file_figures;
DROP TABLE sequence_figures;
DROP INDEX images_footprint;
DROP INDEX sequences_camera;
DROP INDEX sequences_unit;
DROP INDEX sequences_exptime;
DROP INDEX sequences_field;
DROP INDEX sequences_start;
CREATE INDEX sequences_start ON sequences (start_time DESC, sequence_id);
ALTER TABLE sequences DROP tags;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(TRIGGERS)


def downgrade() -> None:
    op.execute(DOWNGRADE)
