"""Columns of the list of candidates."""

from observations_data.data_tables import Column, Kind, Table

CANDIDATES = Table(
    "candidates",
    "Candidates: stars in whose light curves a search found a transit, or that vary.",
    (
        Column("candidate_id", "its number", Kind.INTEGER, ucd="meta.id;meta.main"),
        Column("kind", "transit or variable", Kind.TEXT, ucd="meta.code.class"),
        Column("picid", "id of the star", Kind.ID, ucd="meta.id;src"),
        Column("catalog", "which catalog: tic or gaia", Kind.TEXT, ucd="meta.id;meta.dataset"),
        Column(
            "sequence_id",
            "observation that was searched; empty: all of the star",
            Kind.TEXT,
            ucd="meta.id.parent;obs",
        ),
        Column("ra_deg", "right ascension, ICRS", Kind.REAL, "deg", "pos.eq.ra;meta.main"),
        Column("dec_deg", "declination, ICRS", Kind.REAL, "deg", "pos.eq.dec;meta.main"),
        Column("gaia_mag", "Gaia G", Kind.REAL, "mag", "phot.mag;em.opt"),
        Column("n_nights", "nights that were searched", Kind.INTEGER, ucd="meta.number"),
        Column("significance", "of the find, standard deviations", Kind.REAL, ucd="stat.snr"),
        Column(
            "false_alarm_probability",
            "share of constant stars as bright that look so",
            Kind.REAL,
            ucd="stat.probability",
        ),
        Column("depth", "light that is missing in transit, of 1", Kind.REAL, ucd="phot.flux"),
        Column("depth_err", "its standard deviation", Kind.REAL, ucd="stat.error;phot.flux"),
        Column("duration_h", "duration of the transit", Kind.REAL, "h", "time.duration"),
        Column("mid_bjd_tdb", "middle of a transit, BJD in TDB", Kind.REAL, "d", "time.epoch"),
        Column("period_d", "period", Kind.REAL, "d", "time.period"),
        Column("amplitude", "of a variable, of 1", Kind.REAL, ucd="src.var.amplitude"),
        Column("known_name", "planet or variable known there", Kind.TEXT, ucd="meta.id.cross"),
        Column("known_kind", "what that is", Kind.TEXT, ucd="src.class"),
        Column("vetting", "what a human would look at first", Kind.JSON),
        Column("found_at", "when it was found", Kind.TIME, ucd="time.processing"),
        Column("url", "address of the candidate", Kind.TEXT, ucd="meta.ref.url"),
        Column("star_url", "address of the star", Kind.TEXT, ucd="meta.ref.url"),
    ),
)
