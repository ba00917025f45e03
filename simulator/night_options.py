"""The options of ``simulate`` for the night's effects on photometry."""

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
    "pixel_response": "Relative rms of the pixel sensitivity.",
    "extinction": "Extinction by airmass and star colour, as a multiple of a clear site's.",
    "cloud_mag": "Mean extinction by thin moving clouds, magnitudes.",
    "focus": "Relative amplitude of PSF width changes.",
    "scintillation_mag": "Rms scintillation per exposure at the zenith, magnitudes.",
    "jitter_px": "Rms pointing jitter between frames, pixels.",
    "periodic_error_px": "Amplitude of the mount's periodic error, pixels.",
    "cadence_jitter_s": "Rms jitter of exposure starts, seconds.",
    "satellites": "Mean number of satellite trails per full frame.",
}
_WISH = Wish()
_OPTIONS = (
    click.option(
        "--night",
        "preset",
        type=click.Choice([NONE, *PRESETS]),
        default=NONE,
        show_default=True,
        help=f"Preset of effects at a cadence of {CADENCE_S:g} s; the options below override it.",
    ),
    *(
        click.option(f"--{name.replace('_', '-')}", name, type=float, help=_HELP[name])
        for name in AMOUNTS
    ),
    click.option("--twilight/--no-twilight", default=None, help="Twilight brightens the sky."),
    click.option("--moonlight/--no-moonlight", default=None, help="Moonlight brightens the sky."),
    click.option("--transits", default=0, show_default=True, help="Number of stars with transits."),
    click.option("--eclipsing", default=0, show_default=True, help="Number of eclipsing binaries."),
    click.option(
        "--pulsating", default=0, show_default=True, help="Number of stars with sinusoidal flux."
    ),
    click.option("--transit-depth", "depth", default=_WISH.depth, show_default=True),
    click.option(
        "--transit-duration",
        "duration_h",
        default=_WISH.duration_h,
        show_default=True,
        help="Transit duration, hours.",
    ),
    click.option(
        "--transit-period",
        "period_d",
        type=float,
        default=ONCE_D,
        help="Period, days.  [default: each event happens once]",
    ),
    click.option(
        "--variable-mags",
        "mag_range",
        type=(float, float),
        default=_WISH.mag_range,
        show_default=True,
        metavar="FROM TO",
        help="Gaia G range of the variable stars.",
    ),
)
_WISHES = ("transits", "eclipsing", "pulsating", "depth", "duration_h", "period_d", "mag_range")


def night_options(command: Command) -> Command:
    """Add the options of the night."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_night(options: dict[str, Any]) -> tuple[Night, Wish]:
    """Remove and return the night and requested variables; ValueError if an option is invalid."""
    wish = Wish(**{name: options.pop(name) for name in _WISHES})
    preset = PRESETS.get(options.pop("preset"), NO_EFFECTS)
    given = {name: options.pop(name) for name in (*AMOUNTS, "twilight", "moonlight")}
    return replace(preset, **{n: value for n, value in given.items() if value is not None}), wish


def with_variables(observation: Observation, wish: Wish) -> Observation:
    """Return the observation with the requested variables; ValueError if stars are too few."""
    variables = choose_variables(observation, wish)
    return replace(observation, night=replace(observation.night, variables=variables))
