"""The options of ``simulate`` that say what the night does to photometry."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from simulator.night import AMOUNTS, CADENCE_S, NO_EFFECTS, PRESETS, Night
from simulator.observation import Observation
from simulator.targets import Wish, choose_variables
from simulator.variables import ONCE_D

Command = TypeVar("Command", bound=Callable[..., None])

NONE = "none"
_HELP = {
    "pixel_response": "Relative rms of the pixels' sensitivity.",
    "extinction": "Multiple of a clear site's extinction by airmass and star colour.",
    "cloud_mag": "Mean depth of thin moving cloud, magnitudes.",
    "focus": "Relative amplitude of the breathing PSF core.",
    "scintillation_mag": "Rms scintillation of an exposure at the zenith, magnitudes.",
    "jitter_px": "Rms of the pointing from frame to frame, pixels.",
    "periodic_error_px": "Amplitude of the mount's periodic error, pixels.",
    "cadence_jitter_s": "Rms of the start of an exposure, seconds.",
    "satellites": "Mean number of satellite trails on a full frame.",
}
_WISH = Wish()
_OPTIONS = (
    click.option(
        "--night",
        "preset",
        type=click.Choice([NONE, *PRESETS]),
        default=NONE,
        show_default=True,
        help=f"Effects of a night, and a cadence of {CADENCE_S:g} s; the options below change one.",
    ),
    *(
        click.option(f"--{name.replace('_', '-')}", name, type=float, help=_HELP[name])
        for name in AMOUNTS
    ),
    click.option("--twilight/--no-twilight", default=None, help="The sky brightens with the Sun."),
    click.option("--moonlight/--no-moonlight", default=None, help="It brightens with the Moon."),
    click.option("--transits", default=0, show_default=True, help="Stars with a planet."),
    click.option("--eclipsing", default=0, show_default=True, help="Eclipsing binaries."),
    click.option("--pulsating", default=0, show_default=True, help="Stars with a sine in flux."),
    click.option("--transit-depth", "depth", default=_WISH.depth, show_default=True),
    click.option(
        "--transit-duration",
        "duration_h",
        default=_WISH.duration_h,
        show_default=True,
        help="Hours.",
    ),
    click.option(
        "--transit-period",
        "period_d",
        type=float,
        default=ONCE_D,
        help="Days; without it each event happens once.",
    ),
    click.option(
        "--variable-mags",
        "mag_range",
        type=(float, float),
        default=_WISH.mag_range,
        show_default=True,
        metavar="FROM TO",
        help="Gaia G of the stars that change.",
    ),
)
_WISHES = ("transits", "eclipsing", "pulsating", "depth", "duration_h", "period_d", "mag_range")


def night_options(command: Command) -> Command:
    """Add the options that describe the night."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_night(options: dict[str, Any]) -> tuple[Night, Wish]:
    """Take the night and the wished variables out of the options; ValueError where one is wrong."""
    wish = Wish(**{name: options.pop(name) for name in _WISHES})
    preset = PRESETS.get(options.pop("preset"), NO_EFFECTS)
    given = {name: options.pop(name) for name in (*AMOUNTS, "twilight", "moonlight")}
    return replace(preset, **{n: value for n, value in given.items() if value is not None}), wish


def with_variables(observation: Observation, wish: Wish) -> Observation:
    """Return the observation with the wished variables; ValueError if the field has too few."""
    variables = choose_variables(observation, wish)
    return replace(observation, night=replace(observation.night, variables=variables))
