"""A simulated sequence: unit, field, times and conditions."""

import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from panoptes_network.ids import CameraTime, ObjectPath, format_time, parse_path
from simulator.night import NO_EFFECTS, Night

FULL_WIDTH, FULL_HEIGHT = 5208, 3476
"""Active area of a Canon EOS 100D, mosaic pixels."""
SUFFIXES = (".fits", ".fits.fz", ".cr2")
SIDEREAL_DAY = timedelta(seconds=86164)
"""Rounded to a second, like exposure starts."""
MIN_CR2_SIZE = 22
"""Columns and rows; decoders do not accept smaller raw files."""


class Conditions(StrEnum):
    """Sky conditions."""

    CLEAR = "clear"
    CLOUDY = "cloudy"
    """Four magnitudes of cloud and a brightened sky: too few stars to solve."""
    STARLESS = "starless"
    """Sky without stars: fog."""
    BLANK = "blank"
    """No light, only black level and read noise: the lens cap is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One sequence of one camera.

    Attributes
    ----------
    unit_id, camera_id : str
        ``PAN001``, ``14d3bd``.
    field : str
        Name of the target.
    ra_deg, dec_deg : float
        The target, ICRS: what the mount is told. The frame's centre misses it a little.
    start : datetime
        Start of the first exposure, which also names the sequence; aware, whole seconds.
    count : int
        Number of frames, 0 or more.
    cadence_s : float
        From one start of exposure to the next.
    width, height : int
        Size in mosaic pixels, even; of a ``.cr2`` at least 22. A smaller frame is the sensor's
        centre at the same scale.
    exptime_s : float
        Commanded exposure; the camera takes some tenths longer.
    rotation_deg : float
        How far west of north +x points.
    seed : int
        Chooses the invented stars and, with unit, camera and time, the noise; 0 or more.
    suffix : str
        ``.fits``, ``.fits.fz`` (Rice compressed, lossless) or ``.cr2`` (the camera's own).
    conditions : Conditions
        Clear unless told otherwise.
    pointing : bool
        Name the frames ``pointing00`` and so on, as those are by which a mount finds its field.
    field_in_path : bool
        Whether the object path has the field; newer units leave it out.
    latitude_deg, longitude_deg, elevation_m : float
        Site, east positive; Mauna Loa by default.
    night : Night
        What the night does to photometry; nothing unless told otherwise.
    nights_before : int
        How many nights of the same field came before: each has its own chances.

    Raises
    ------
    ValueError
        For a size, time, count, seed or suffix outside of the above.
    PermanentError
        With the reason BAD_PATH, where the ids or the field make no object path.
    """

    unit_id: str = "PAN001"
    camera_id: str = "14d3bd"
    field: str = "KIC 8462852"
    ra_deg: float = 301.56439
    dec_deg: float = 44.456875
    start: datetime = datetime(2018, 8, 12, 8, 30, tzinfo=UTC)
    count: int = 1
    cadence_s: float = 150.0
    width: int = FULL_WIDTH
    height: int = FULL_HEIGHT
    exptime_s: float = 120.0
    rotation_deg: float = 0.7
    seed: int = 0
    suffix: str = ".fits.fz"
    conditions: Conditions = Conditions.CLEAR
    pointing: bool = False
    field_in_path: bool = True
    latitude_deg: float = 19.54
    longitude_deg: float = -155.58
    elevation_m: float = 3400.0
    night: Night = NO_EFFECTS
    nights_before: int = 0

    def __post_init__(self) -> None:
        least = MIN_CR2_SIZE if self.suffix == ".cr2" else 2
        for name, size, full in (
            ("width", self.width, FULL_WIDTH),
            ("height", self.height, FULL_HEIGHT),
        ):
            if not least <= size <= full or size % 2:
                raise ValueError(
                    f"{name} must be an even number from {least} to {full}, not {size}"
                )
        if self.start.tzinfo is None or self.start.microsecond:
            raise ValueError("start must have a time zone and whole seconds")
        if self.count < 0 or self.seed < 0 or self.exptime_s < 0 or self.cadence_s < 1:
            raise ValueError("count, seed and exptime_s must be at least 0, cadence_s at least 1")
        if not (0 <= self.ra_deg < 360 and -90 <= self.dec_deg <= 90):
            raise ValueError(f"invalid position: {self.ra_deg} {self.dec_deg}")
        if self.suffix not in SUFFIXES:
            raise ValueError(f"suffix must be one of {', '.join(SUFFIXES)}, not {self.suffix!r}")
        parse_path(self.object_path(0).path)

    def image_time(self, index: int) -> datetime:
        """Return the UTC start of frame `index`, to the second, as ids write it."""
        time = self.start + timedelta(seconds=round(self.seconds(index)))
        return time.astimezone(UTC)

    def seconds(self, index: int) -> float:
        """Return the seconds from the start of the first exposure to that of frame `index`."""
        on_time = index * self.cadence_s
        if index == 0 or not self.night.cadence_jitter_s:
            return on_time
        late = self.night_rng("cadence", index).normal(0, self.night.cadence_jitter_s)
        # Frames stay in order, and no two have the same second.
        most = max(self.cadence_s / 2 - 1, 0)
        return float(on_time + np.clip(late, -most, most))

    def image_id(self, index: int) -> str:
        """Return the IMAGEID of frame `index`."""
        return str(CameraTime(self.unit_id, self.camera_id, self.image_time(index)))

    def object_path(self, index: int) -> ObjectPath:
        """Return the path of frame `index` in the raw bucket."""
        stem = f"pointing{index:02d}" if self.pointing else format_time(self.image_time(index))
        field = self.field if self.field_in_path else None
        return ObjectPath(self.unit_id, self.camera_id, self.start, stem, self.suffix, field)

    def rng(self, *stream: int | str) -> np.random.Generator:
        """Return the random generator for a purpose, the same for the same seed."""
        words = [zlib.crc32(str(part).encode()) for part in stream]
        return np.random.default_rng([self.seed, *words])

    def night_rng(self, *stream: int | str) -> np.random.Generator:
        """Return the random generator for a purpose, different in each night."""
        # The first night has no number: its frames equal those of a single-night observation.
        number = ("night", self.nights_before) if self.nights_before else ()
        return self.rng(*stream, *number)


def nights(observation: Observation, count: int) -> list[Observation]:
    """Return an observation and its repetitions at the same hour angles in the following nights.

    Stars, their variability, sensor and optics are the same in all `count` nights; weather,
    pointing and noise are not.
    """
    return [
        replace(observation, start=observation.start + number * SIDEREAL_DAY, nights_before=number)
        for number in range(count)
    ]
