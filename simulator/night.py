"""Effects of a night on photometry: each is a number, and 0 disables it."""

from dataclasses import dataclass

from simulator.variables import Variable

USUAL_JITTER_PX = 0.15
"""Scatter of the pointing from frame to frame; guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """Effects of the camera, the mount and the sky on an observation.

    By default only the usual tracking jitter is on. The same seed gives the same effects; the truth
    beside each frame has their values.

    Attributes
    ----------
    pixel_response : float
        Relative rms of the pixels' sensitivity: the camera's flat on top of its vignetting.
    extinction : float
        Multiple of a clear site's extinction by airmass and star colour.
    cloud_mag : float
        Mean depth of thin cloud that moves over the field, magnitudes.
    focus : float
        Relative amplitude with which the PSF's core breathes in seven hours.
    scintillation_mag : float
        Rms of a star's scintillation in one exposure at the zenith, magnitudes.
    jitter_px : float
        Rms of the pointing from frame to frame in x and y, pixels.
    periodic_error_px : float
        Amplitude of the mount's periodic error along right ascension, pixels.
    cadence_jitter_s : float
        Rms of the start of an exposure, seconds.
    twilight, moonlight : bool
        Whether the sky brightens with the Sun and the Moon.
    satellites : float
        Mean number of satellites that cross a full frame in one exposure.
    variables : tuple of Variable
        Stars that change; see :func:`simulator.variables.choose_variables`.

    Raises
    ------
    ValueError
        For a negative number, or a jitter of the cadence over 5 s.
    """

    pixel_response: float = 0.0
    extinction: float = 0.0
    cloud_mag: float = 0.0
    focus: float = 0.0
    scintillation_mag: float = 0.0
    jitter_px: float = USUAL_JITTER_PX
    periodic_error_px: float = 0.0
    cadence_jitter_s: float = 0.0
    twilight: bool = False
    moonlight: bool = False
    satellites: float = 0.0
    variables: tuple[Variable, ...] = ()

    def __post_init__(self) -> None:
        for name in AMOUNTS:
            if not 0 <= getattr(self, name) < MAX_AMOUNT:
                raise ValueError(
                    f"{name} must be from 0 to {MAX_AMOUNT}, not {getattr(self, name)}"
                )
        if self.cadence_jitter_s > MAX_CADENCE_JITTER_S:
            raise ValueError(f"cadence_jitter_s must be at most {MAX_CADENCE_JITTER_S}")
        if self.focus > MAX_FOCUS:
            raise ValueError(f"focus must be at most {MAX_FOCUS}")


AMOUNTS = (
    *("pixel_response", "extinction", "cloud_mag", "focus", "scintillation_mag", "jitter_px"),
    *("periodic_error_px", "cadence_jitter_s", "satellites"),
)
"""The effects that are numbers."""
MAX_AMOUNT = 100
MAX_CADENCE_JITTER_S = 5.0
MAX_FOCUS = 0.3

NO_EFFECTS = Night()

CADENCE_S = 134.0
"""Cadence of both presets: the drift of 1.78 px per frame is no multiple of the Bayer cell's 2 px.
"""

PRESETS = {
    "clean": Night(periodic_error_px=0.4, cadence_jitter_s=2.0),
    "realistic": Night(
        pixel_response=0.008,
        extinction=1.0,
        cloud_mag=0.1,
        focus=0.08,
        scintillation_mag=0.0015,
        jitter_px=0.25,
        periodic_error_px=0.8,
        cadence_jitter_s=2.0,
        twilight=True,
        moonlight=True,
        satellites=0.5,
    ),
}
"""``clean``: a perfect sky and camera on a real mount. ``realistic``: all effects."""
