"""Names of objects, as the network's responses have them."""

from typing import TypedDict


class Named(TypedDict):
    """The object that a name means; values are None where they are not known.

    `id` is that of a unit, an observation or an image. `picid` is the star's number in the
    network's `catalog`. The position is ICRS at the Julian year `epoch_yr`.
    """

    kind: str
    name: str
    names: list[str]
    id: str | None
    url: str | None
    ra_deg: float | None
    dec_deg: float | None
    epoch_yr: float
    pmra_masyr: float | None
    pmdec_masyr: float | None
    radius_deg: float | None
    picid: str | None
    catalog: str | None


class NameResponse(TypedDict):
    """The object that a name means, None if it is unknown; names that are spelled like it."""

    name: str
    found: Named | None
    near: list[str]
