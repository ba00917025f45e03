"""A candidate's checks in plain words."""

from dataclasses import dataclass

from panoptes_network.responses.candidates import Checks

N_COLOURS = 3
MIN_COLOURS = 2
MIN_IN_TRANSIT = 5
MAX_ODD_EVEN_SIGMA = 3.0
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a candidate: whether it passed, and the result in words."""

    is_passed: bool
    words: str

    @property
    def mark(self) -> str:
        """A symbol for the result, which the words repeat."""
        return "\N{CHECK MARK}" if self.is_passed else "\N{BALLOT X}"


def checks(vetting: Checks) -> list[Check]:
    """Return the checks in a candidate's vetting, in a fixed order."""
    found = (
        _colours(vetting.get("colours_agree")),
        _odd_even(vetting.get("odd_even_sigma")),
        _neighbours(vetting.get("neighbours_alike")),
        _frames(vetting.get("n_in_transit")),
        _flag(vetting.get("is_near_saturation"), "near saturation"),
        _flag(vetting.get("is_near_edge"), "near the edge of the frame"),
        _flag(vetting.get("is_crowded"), "contaminated by neighbours"),
    )
    return [check for check in found if check]


def _colours(number: int | None) -> Check | None:
    if number is None:
        return None
    said = "all three colours agree" if number >= N_COLOURS else f"{number} of 3 colours agree"
    return Check(number >= MIN_COLOURS, said)


def _odd_even(sigma: float | None) -> Check | None:
    if sigma is None:
        return None
    is_passed = abs(sigma) < MAX_ODD_EVEN_SIGMA
    alike = "equally" if is_passed else "not equally"
    return Check(is_passed, f"odd and even transits are {alike} deep ({abs(sigma):.1f} {SIGMA})")


def _neighbours(number: int | None) -> Check | None:
    if number is None:
        return None
    stars = "neighbour dims" if number == 1 else "neighbours dim"
    return Check(not number, f"{number or 'no'} {stars if number else 'neighbour dims'} with it")


def _frames(number: int | None) -> Check | None:
    if number is None:
        return None
    frames = "frame" if number == 1 else "frames"
    return Check(number >= MIN_IN_TRANSIT, f"{number} good {frames} in transit")


def _flag(is_so: bool | None, words: str) -> Check | None:
    return None if is_so is None else Check(not is_so, words if is_so else f"not {words}")
