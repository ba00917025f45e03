"""The plate solver in its container: a full frame, and one in which it is told to stop."""

from dataclasses import replace
from datetime import timedelta

from panoptes_network.states import ImageState
from simulator import Frame, Observation, simulate
from tests.container.container import Container, wait_for
from tests.container.network import are_solved, state_of, upload
from tests.integration.solver import load_gaia

SOLVED_S = 180.0
FULL = Observation(suffix=".fits.fz")


def check(container: Container, stop_s: float) -> bool:
    """Solve, stop; return whether all is as it should be."""
    load_gaia(FULL.ra_deg, FULL.dec_deg, 12)
    first, second = _frames()
    return (
        are_solved([first], SOLVED_S)
        and container.is_confined()
        and _finishes(second, container, stop_s)
    )


def _finishes(frame: Frame, container: Container, stop_s: float) -> bool:
    """Send SIGTERM while it solves; return whether it ends the image, and itself, in time."""
    upload([frame])
    wait_for(lambda: state_of(frame) == ImageState.SOLVING, SOLVED_S)
    stopping_s = container.stop(3 * stop_s)
    state = state_of(frame)
    print(f"told to stop while it solved: ended after {stopping_s:.1f} s, image {state}")
    return state == ImageState.SOURCES_EXTRACTED and stopping_s < stop_s


def _frames() -> list[Frame]:
    starts = [FULL.start, FULL.start + timedelta(minutes=10)]
    return [next(iter(simulate(replace(FULL, start=start)))) for start in starts]
