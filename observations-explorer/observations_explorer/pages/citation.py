"""Citations of an observation: a sentence, and a BibTeX entry."""

from dataclasses import dataclass
from datetime import date

from observations_explorer.formatting import utc
from panoptes_network.responses.observations import Observation

TEX_SIGNS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    }
)


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation to copy."""

    text: str
    bibtex: str


def cite(observation: Observation, unit_name: str | None, address: str, on: date) -> Citation:
    """Return how to cite an observation.

    Parameters
    ----------
    observation : dict
        As returned by observations-data.
    unit_name : str or None
        Name given by the unit's owner.
    address : str
        URL of the observation's page.
    on : date
        Date on which that page was read, UTC.
    """
    unit = _credit(observation["unit_id"], unit_name)
    title = _title(observation)
    sequence_id = observation["sequence_id"]
    text = f"{unit}: {title}. PANOPTES Network, {sequence_id}, {address} (read {on.isoformat()})."
    return Citation(text, _bibtex(unit, title, observation, address, on))


def _credit(unit_id: str, unit_name: str | None) -> str:
    has_name = unit_name and unit_name != unit_id
    return f"PANOPTES unit {unit_id}" + (f" ({unit_name})" if has_name else "")


def _title(observation: Observation) -> str:
    field = observation["field"] or "Observation without a field name"
    count, exptime_s = observation["n_images"], observation["exptime_s"]
    exposures = f"{count} exposure" + ("" if count == 1 else "s")
    if exptime_s is not None:
        exposures += f" of {exptime_s:.0f} s"
    return f"{field}, {utc(observation['start_time'])} UTC, {exposures}"


def _bibtex(unit: str, title: str, observation: Observation, address: str, on: date) -> str:
    fields = {
        "author": f"{{{_tex(unit)}}}",
        "title": f"{{{_tex(title)}}}",
        "year": observation["start_time"][:4],
        "publisher": "{PANOPTES Network}",
        "howpublished": f"\\url{{{address}}}",
        "note": f"Read {on.isoformat()}",
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{observation['sequence_id']},\n{lines}}}"


def _tex(text: str) -> str:
    return text.translate(TEX_SIGNS)
