"""Columns of the list of candidates."""

from observations_data.data_tables import Column, Kind, Table
from panoptes_network.responses.candidates import Candidate

CANDIDATES = Table(
    "candidates",
    "Candidates: stars with a transit or variability found in their light curves.",
    (
        Column("candidate_id", "its number", Kind.INTEGER, ucd="meta.id;meta.main"),
        Column("kind", "transit or variable", Kind.TEXT, ucd="meta.code.class"),
        Column("picid", "id of the star", Kind.ID, ucd="meta.id;src"),
        Column(
            "catalog", "catalog of the star: tic or gaia", Kind.TEXT, ucd="meta.id;meta.dataset"
        ),
        Column(
            "sequence_id",
            "searched observation; empty: all of the star's",
            Kind.TEXT,
            ucd="meta.id.parent;obs",
        ),
        Column("ra_deg", "right ascension, ICRS", Kind.REAL, "deg", "pos.eq.ra;meta.main"),
        Column("dec_deg", "declination, ICRS", Kind.REAL, "deg", "pos.eq.dec;meta.main"),
        Column("gaia_mag", "Gaia G", Kind.REAL, "mag", "phot.mag;em.opt"),
        Column("n_nights", "number of searched nights", Kind.INTEGER, ucd="meta.number"),
        Column("significance", "significance in standard deviations", Kind.REAL, ucd="stat.snr"),
        Column(
            "false_alarm_probability",
            "fraction of constant stars of this brightness that look as significant",
            Kind.REAL,
            ucd="stat.probability",
        ),
        Column("depth", "relative depth of the transit", Kind.REAL, ucd="phot.flux"),
        Column(
            "depth_err", "standard deviation of the depth", Kind.REAL, ucd="stat.error;phot.flux"
        ),
        Column("duration_h", "duration of the transit", Kind.REAL, "h", "time.duration"),
        Column("mid_bjd_tdb", "mid-transit time, BJD in TDB", Kind.REAL, "d", "time.epoch"),
        Column("period_d", "period", Kind.REAL, "d", "time.period"),
        Column("amplitude", "relative amplitude of a variable", Kind.REAL, ucd="src.var.amplitude"),
        Column(
            "known_name",
            "known planet or variable at this position",
            Kind.TEXT,
            ucd="meta.id.cross",
        ),
        Column("known_kind", "type of the known object", Kind.TEXT, ucd="src.class"),
        Column("vetting", "checks for human review", Kind.JSON),
        Column("found_at", "time of the first detection", Kind.TIME, ucd="time.processing"),
        Column("url", "URL of the candidate", Kind.TEXT, ucd="meta.ref.url"),
        Column("star_url", "URL of the star", Kind.TEXT, ucd="meta.ref.url"),
    ),
    row=Candidate,
)
