"""Columns of the listings of observations, images, events, units and nights."""

from observations_data.data_tables import Column, Kind, Table
from panoptes_network.figures import FIGURES
from panoptes_network.responses.observations import Event, ListedImage, Observation
from panoptes_network.responses.units import Night, Unit

RA, DEC = "pos.eq.ra;meta.main", "pos.eq.dec;meta.main"
FOOTPRINT = "RA and Dec of the newest solved image's corners, ICRS degrees"
STATES = Column("states", "number of images by state, for states that occur", Kind.JSON)
FIGURE_COLUMNS = tuple(
    Column(
        figure.name,
        figure.description,
        Kind.INTEGER if figure.is_count else Kind.REAL,
        figure.unit,
        figure.ucd,
    )
    for figure in FIGURES
)

OBSERVATIONS = Table(
    "observations",
    "Observations: the frames of one camera in one tracking run.",
    (
        Column("sequence_id", "id of the observation", Kind.TEXT, ucd="meta.id;meta.main"),
        Column("unit_id", "id of the telescope", Kind.TEXT, ucd="meta.id;instr.tel"),
        Column("camera_id", "id of the camera", Kind.TEXT, ucd="meta.id;instr"),
        Column("field", "name of the target, as given by the unit", Kind.TEXT, ucd="meta.id;src"),
        Column("start_time", "start of the run", Kind.TIME, ucd="time.start"),
        Column("night", "date of the evening at the unit's location", Kind.TEXT),
        Column("exptime_s", "exposure of a frame", Kind.REAL, "s", "time.duration;obs.exposure"),
        Column("iso", "sensitivity of the camera", Kind.INTEGER, ucd="instr.setup"),
        Column("n_images", "number of images", Kind.INTEGER, ucd="meta.number"),
        STATES,
        Column("ra_deg", "mean centre of the solved images, ICRS", Kind.REAL, "deg", RA),
        Column("dec_deg", "mean centre of the solved images, ICRS", Kind.REAL, "deg", DEC),
        Column("footprint_deg", FOOTPRINT, Kind.JSON),
        Column("mount_ra_deg", "target position of the mount", Kind.REAL, "deg", "pos.eq.ra"),
        Column("mount_dec_deg", "target position of the mount", Kind.REAL, "deg", "pos.eq.dec"),
        Column("tags", "labels by operators and the unit", Kind.JSON),
        Column("software", "software of the unit", Kind.TEXT, ucd="meta.id;meta.software"),
        Column("thumbnail", "file of the newest thumbnail", Kind.JSON),
        Column("film", "file of the film", Kind.JSON),
        Column("film_reason", "why the last attempt made no film", Kind.TEXT),
        Column("created_at", "time of its first image or header", Kind.TIME, ucd="time.creation"),
        Column(
            "updated_at", "time of the last change to an image", Kind.TIME, ucd="time.processing"
        ),
    ),
    row=Observation,
)
IMAGES = Table(
    "images",
    "Images: single exposures and their measurements.",
    (
        Column("image_id", "id of the image", Kind.TEXT, ucd="meta.id;meta.main"),
        Column("sequence_id", "id of its observation", Kind.TEXT, ucd="meta.id.parent;obs"),
        Column("time", "start of the exposure", Kind.TIME, ucd="time.start;obs.exposure"),
        Column("state", "processing state", Kind.TEXT, ucd="meta.code.status"),
        Column(
            "reason_code", "reason code if it was not completed", Kind.TEXT, ucd="meta.code.error"
        ),
        Column("reason", "reason in plain words", Kind.TEXT, ucd="meta.note"),
        Column("tries", "number of attempts", Kind.INTEGER, ucd="meta.number"),
        Column("exptime_s", "exposure", Kind.REAL, "s", "time.duration;obs.exposure"),
        Column("ra_deg", "centre, ICRS", Kind.REAL, "deg", RA),
        Column("dec_deg", "centre, ICRS", Kind.REAL, "deg", DEC),
        Column("pixel_scale_arcsec", "side of a pixel", Kind.REAL, "arcsec", "instr.scale"),
        Column(
            "rotation_deg", "position angle of +y, north to east", Kind.REAL, "deg", "pos.posAng"
        ),
        Column("footprint_deg", "RA and Dec of the corners, ICRS degrees", Kind.JSON),
        *FIGURE_COLUMNS,
        Column(
            "processing_s", "processing time of the plate solver", Kind.REAL, "s", "time.duration"
        ),
        Column("received_at", "time of arrival", Kind.TIME, ucd="time.creation"),
        Column("updated_at", "time of the last change", Kind.TIME, ucd="time.processing"),
        Column("n_events", "number of events in its history", Kind.INTEGER, ucd="meta.number"),
        Column("files", "its files, by kind", Kind.JSON),
    ),
    row=ListedImage,
)
EVENTS = Table(
    "events",
    "History of images, oldest first.",
    (
        Column("image_id", "id of the image", Kind.TEXT, ucd="meta.id"),
        Column("at", "when", Kind.TIME, ucd="time.processing"),
        Column("service", "which service", Kind.TEXT, ucd="meta.id"),
        Column("state", "state of the image after the event", Kind.TEXT, ucd="meta.code.status"),
        Column("reason_code", "why", Kind.TEXT, ucd="meta.code.error"),
        Column("reason", "reason in plain words", Kind.TEXT, ucd="meta.note"),
    ),
    row=Event,
)
UNITS = Table(
    "units",
    "Units: the telescopes, their locations and numbers of images.",
    (
        Column("unit_id", "id of the telescope", Kind.TEXT, ucd="meta.id;meta.main"),
        Column("name", "its name", Kind.TEXT, ucd="meta.title;instr.tel"),
        Column("latitude_deg", "latitude", Kind.REAL, "deg", "pos.earth.lat"),
        Column("longitude_deg", "longitude, east positive", Kind.REAL, "deg", "pos.earth.lon"),
        Column("elevation_m", "height above the sea", Kind.REAL, "m", "pos.earth.altitude"),
        Column("n_images", "number of images", Kind.INTEGER, ucd="meta.number"),
        Column("n_nights", "number of nights", Kind.INTEGER, ucd="meta.number"),
        Column("first_image", "start of the first image", Kind.TIME, ucd="time.start"),
        Column("last_image", "start of the last image", Kind.TIME, ucd="time.end"),
        Column("last_night", "date of the last night", Kind.TEXT),
    ),
    row=Unit,
)
NIGHTS = Table(
    "unit_nights",
    "Nights of a unit with images, newest first.",
    (
        Column("date", "date of the evening at the unit's location", Kind.TEXT),
        Column("n_images", "number of images", Kind.INTEGER, ucd="meta.number"),
        Column("first_image", "start of the first image", Kind.TIME, ucd="time.start"),
        Column("last_image", "start of the last image", Kind.TIME, ucd="time.end"),
        STATES,
    ),
    row=Night,
)
OBSERVATIONS_CSV = Table(
    "observations_csv",
    "Observations with the column names of panoptes-data.",
    (
        Column("sequence_id", "id of the observation", Kind.TEXT),
        Column("unit_id", "id of the telescope", Kind.TEXT),
        Column("camera_id", "id of the camera", Kind.TEXT),
        Column("field_name", "name of the target", Kind.TEXT),
        Column("time", "start of the run, UTC: 2018-10-11 13:42:02+00:00", Kind.TEXT),
        Column("coordinates_mount_ra", "target position of the mount, degrees", Kind.REAL, "deg"),
        Column("coordinates_mount_dec", "target position of the mount, degrees", Kind.REAL, "deg"),
        Column("exptime", "exposure of a frame, seconds", Kind.REAL, "s"),
        Column("iso", "sensitivity of the camera", Kind.INTEGER),
        Column("num_images", "number of images", Kind.INTEGER),
        Column("total_exptime", "exposure of all images, seconds", Kind.REAL, "s"),
        Column("software_version", "software of the unit", Kind.TEXT),
    ),
)
