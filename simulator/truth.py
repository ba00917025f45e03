"""The truth of a frame: its projection and every star drawn into it."""

from dataclasses import dataclass, field
from pathlib import Path

from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from simulator.effects import CONDITION_CARDS
from simulator.variables import variable_table


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of one frame.

    Attributes
    ----------
    wcs : WCS
        The projection, gnomonic with SIP distortion, ICRS.
    stars : Table
        One row a star inside the frame, brightest first; empty for a frame without stars.
        ``id``, ``ra_deg``, ``dec_deg`` (ICRS, at the date), ``gaia_mag``, ``bp_rp_mag``,
        ``x``, ``y`` (mosaic pixels, 0-based), ``flux_r_adu``, ``flux_g_adu``, ``flux_b_adu``
        (whole light, as if every pixel were of that colour), ``peak_adu`` (highest pixel
        expected within one pixel, black and sky included), ``saturated`` (whether that
        reaches the plateau), ``snr`` (in an aperture of 2 px over all colours), ``signal``
        (the star's own change, 1 where it is constant), ``airmass``, ``cloud_mag``.
    conditions : dict
        Properties of the whole frame: ``FOCUS`` (width of the PSF's core against the usual),
        ``AIRMASS``, ``CLOUDMAG`` (means over the stars), ``GLOW-R``, ``GLOW-G``, ``GLOW-B``
        (sky against the dark one), ``TRAIL-X``, ``TRAIL-Y`` (pixels within the exposure).
    variables : Table
        One row a star that changes, on the frame or not: ``id``, ``kind``, ``depth``,
        ``epoch_bjd`` (BJD_TDB), ``period_d`` (NaN: one event only), ``duration_h``.
    """

    wcs: WCS
    stars: Table
    conditions: dict[str, float] = field(default_factory=dict)
    variables: Table = field(default_factory=lambda: variable_table(()))

    def write(self, path: Path) -> Path:
        """Write FITS: the projection's cards in the primary header, the stars as a table."""
        primary = fits.PrimaryHDU(header=self.wcs.to_header(relax=True))
        primary.header.update(self.conditions)
        stars = fits.BinTableHDU(self.stars, name="STARS")
        variables = fits.BinTableHDU(self.variables, name="VARIABLES")
        fits.HDUList([primary, stars, variables]).writeto(path, overwrite=True)
        return path

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Read a truth written by :meth:`write`."""
        with fits.open(path) as hdus:
            cards = hdus[0].header.copy()
            del cards["NAXIS"]  # there is no image, and WCS warns about its missing axes
            conditions = {name: cards.pop(name) for name in CONDITION_CARDS if name in cards}
            stars, variables = (
                Table.read(hdus["STARS"]),
                Table.read(hdus["VARIABLES"], mask_invalid=False),
            )
            return cls(WCS(cards), stars, conditions, variables)
