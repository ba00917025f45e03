"""Names that people type, and what they mean in the network."""

from typing import Literal, TypeAlias

from typing_extensions import TypedDict

from panoptes_network.responses.values import StarNumber

NamedKind: TypeAlias = Literal[
    "unit",
    "observation",
    "image",
    "field",
    "star",
    "planet",
    "constellation",
    "deep_sky",
]
"""Kinds of objects that a name may mean."""


class Named(TypedDict):
    """The object that a name means.

    `id` is that of a unit, an observation or an image; `url` its address, or the star's if the
    network's catalog has it. The position is ICRS at the Julian year `epoch_yr`, null for objects
    without one. `names` are other names of it.
    """

    kind: NamedKind
    name: str
    id: str | None
    url: str | None
    ra_deg: float | None
    dec_deg: float | None
    epoch_yr: float
    pmra_masyr: float | None
    pmdec_masyr: float | None
    radius_deg: float | None
    names: list[str]
    picid: StarNumber | None
    catalog: str | None


class NameResponse(TypedDict):
    """The object that a name means; names of others that are spelled like it."""

    name: str
    found: Named | None
    near: list[str]
