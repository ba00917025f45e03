"""Constellations on the sky: against astropy's, and against the stars that their lines join."""

import numpy as np
from astropy.coordinates import SkyCoord, get_constellation

from panoptes_network.names import constellation_map, surroundings
from panoptes_network.names.tables import stars, table_rows
from panoptes_network.sky.directions import unit_vectors

PLACES = 20_000


def test_places_are_in_the_constellations_of_astropy() -> None:
    rng = np.random.default_rng(15)
    ra_deg = rng.uniform(0, 360, PLACES)
    dec_deg = np.degrees(np.arcsin(rng.uniform(-1, 1, PLACES)))
    ours = constellation_map.constellations_at(unit_vectors(ra_deg, dec_deg))
    theirs = get_constellation(SkyCoord(ra_deg, dec_deg, unit="deg"), short_name=True)
    # astropy's frame has aberration in it: 20 arcsec, on 6,000 degrees of boundaries.
    assert np.count_nonzero(np.array(ours) != theirs) < 25


def test_poles_and_0_hours_have_constellations() -> None:
    directions = unit_vectors([0, 0, 0, 360], [90, -90, 0, 0])
    found = constellation_map.constellations_at(directions)
    assert found == ["UMi", "Oct", "Psc", "Psc"]


def test_lines_join_stars_of_the_hipparcos_catalog() -> None:
    places = np.array([row[1:3] for row in table_rows("hipparcos.csv.gz")], dtype=np.float64)
    directions = unit_vectors(*places.T)
    names = set()
    for abbreviation, points in table_rows("constellation_lines.csv.gz"):
        kept = [point.split() for point in points.split("|")]
        corners = np.array(kept, dtype=np.float64)
        for corner in unit_vectors(*corners.T):
            far = np.linalg.norm(directions - corner, axis=1).min()
            # By chance, one corner in 400 would lie so close to a star.
            assert np.degrees(far) * 60 < 1, points
        names.add(abbreviation)
    assert len(names) == 88


def test_lines_and_boundaries_are_fine_enough_to_be_drawn() -> None:
    for line in (*constellation_map.lines(), *constellation_map.boundaries()):
        cosines = (line[1:] * line[:-1]).sum(axis=1)
        assert np.degrees(np.arccos(cosines.clip(-1, 1))).max() < constellation_map.STEP_DEG + 1e-3
        assert np.allclose(np.linalg.norm(line, axis=1), 1, atol=1e-6)


def test_every_star_of_the_table_is_found_around_its_place() -> None:
    for star in stars()[::200]:
        around = surroundings.objects_around(star.ra_deg, star.dec_deg, 0.01)
        assert star.names in [one.names for one in around]
