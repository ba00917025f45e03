"""What is really in a frame: its projection and every star drawn into it."""

from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS


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
        reaches the plateau), ``snr`` (in an aperture of 2 px over all colours).
    """

    wcs: WCS
    stars: Table

    def write(self, path: Path) -> Path:
        """Write FITS: the projection's cards in the primary header, the stars as a table."""
        primary = fits.PrimaryHDU(header=self.wcs.to_header(relax=True))
        table = fits.BinTableHDU(self.stars, name="STARS")
        fits.HDUList([primary, table]).writeto(path, overwrite=True)
        return path

    @classmethod
    def read(cls, path: Path) -> "Truth":
        """Read what :meth:`write` wrote."""
        with fits.open(path) as hdus:
            cards = hdus[0].header.copy()
            del cards["NAXIS"]  # there is no image, and WCS warns about its missing axes
            return cls(WCS(cards), Table.read(hdus["STARS"]))
