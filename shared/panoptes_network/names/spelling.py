"""One spelling for the many in which a name is typed."""

import re
import unicodedata
from functools import cache

from panoptes_network.names.tables import constellations

MAX_LENGTH = 100
"""Characters of a name; no name in the tables is longer than 60."""

GREEK = {
    "alpha": ("α", "alf", "alp"),
    "beta": ("β", "bet"),
    "gamma": ("γ", "gam"),
    "delta": ("δ", "del"),
    "epsilon": ("ε", "eps"),
    "zeta": ("ζ", "zet"),
    "eta": ("η",),
    "theta": ("θ", "the", "tet"),
    "iota": ("ι", "iot"),
    "kappa": ("κ", "kap"),
    "lambda": ("λ", "lam"),
    "mu": ("μ",),
    "nu": ("ν",),
    "xi": ("ξ", "ksi"),
    "omicron": ("ο", "omi"),
    "pi": ("π",),
    "rho": ("ρ",),
    "sigma": ("σ", "sig"),
    "tau": ("τ",),
    "upsilon": ("υ", "ups"),
    "phi": ("φ",),
    "chi": ("χ",),
    "psi": ("ψ",),
    "omega": ("ω", "ome"),
}
_LETTER = {spelt: name for name, others in GREEK.items() for spelt in (name, *others)}
_GREEK = re.compile(rf"({'|'.join(sorted(_LETTER, key=len, reverse=True))})\.?([0-9]*)")
_GREEK_VARIABLES = {"MU", "NU"}
"""The only Greek letters that GCVS gives to variables, too."""
_LATIN = re.compile(r"[a-z][0-9]?", re.ASCII)
_CATALOG = {"gl": "gj", "gliese": "gj", "messier": "m", "bs": "hr"}
_NUMBERED = re.compile(rf"({'|'.join(_CATALOG)})(?=[0-9])")
_SURVEY = re.compile(r"(?<![0-9a-z])(bd|cd|cpd)\s*([-+\N{MINUS SIGN}\N{EN DASH}])")
_CANDIDATE = re.compile(r"(?<![0-9a-z])((?:toi|koi)\D*[0-9]+)\.0[0-9](?![0-9a-z])")


def fold(name: str) -> str:
    """Return the one spelling of a name: "Alf Lyr", "α Lyrae" and "alpha-lyr" are "alphalyr".

    Case, accents, spaces and punctuation do not count, nor do leading zeros; only a decimal point
    does: GJ 27.1 is not GJ 271. A single Latin letter before a constellation keeps its case: R Car
    and r Car are two stars. So do the variables MU and NU: NU Ori is not ν Ori. A text without
    letters and digits becomes empty.
    """
    plain = unicodedata.normalize("NFKD", name[:MAX_LENGTH])
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    folded = _SURVEY.sub(lambda sign: sign[1] + ("p" if sign[2] == "+" else "m"), plain.casefold())
    words = _words(_CANDIDATE.sub(r"\1", folded))
    found = _constellation_in(words)
    if found is not None:
        start, end, abbreviation = found
        first = _designation("".join(words[:start]), "".join(_words(plain)[:start]))
        words = [first, abbreviation, *words[end:]]
    joined = re.sub(r"(?<![0-9.])0+(?=[0-9])", "", "".join(words))
    prefix = _NUMBERED.match(joined)
    return joined if prefix is None else _CATALOG[prefix[1]] + joined[prefix.end() :]


def _designation(folded: str, typed: str) -> str:
    """Return what precedes a constellation: a Greek letter by its name, others in their case."""
    if typed in _GREEK_VARIABLES or _LATIN.fullmatch(folded):
        return typed
    letter = _GREEK.fullmatch(folded)
    return folded if letter is None else _LETTER[letter[1]] + letter[2]


def _words(text: str) -> list[str]:
    return re.findall(
        r"[^\W_]+(?:(?<=[0-9])\.[0-9]+[a-z]*)?",
        re.sub("['\N{RIGHT SINGLE QUOTATION MARK}]", "", text),
    )


def _constellation_in(words: list[str]) -> tuple[int, int, str] | None:
    """Return where a constellation stands after a letter or number, and its abbreviation."""
    known = _abbreviations()
    for start in range(1, len(words)):
        for end in (start + 2, start + 1):
            abbreviation = known.get(" ".join(words[start:end]))
            if abbreviation and end <= len(words) and len("".join(words[:start])) <= 9:
                return start, end, abbreviation
    return None


@cache
def _abbreviations() -> dict[str, str]:
    return {
        word.casefold(): each.abbreviation.casefold()
        for each in constellations()
        for word in (each.name, each.genitive, each.abbreviation)
    }
