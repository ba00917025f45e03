"""The types of responses hold the columns of their tables, and what other modules list."""

from types import ModuleType
from typing import get_type_hints

import pytest

from observations_data.candidates import tables as candidates
from observations_data.data_tables import Kind, Table
from observations_data.detrended import tables as detrended
from observations_data.network_state import routes as network
from observations_data.network_state import stats_routes
from observations_data.observations import tables as observations
from observations_data.stars import tables as stars
from panoptes_network.figures import FIGURES, ImageFigures
from panoptes_network.light_curves.schema import Vetting
from panoptes_network.responses.candidates import Checks
from panoptes_network.responses.values import number

MODULES: tuple[ModuleType, ...] = (
    candidates,
    detrended,
    network,
    observations,
    stars,
    stats_routes,
)
TABLES = [
    made
    for module in MODULES
    for made in vars(module).values()
    if isinstance(made, Table) and made.row
]
TYPES = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.ID: str,
    Kind.REAL: float,
    Kind.TIME: str,
    Kind.BOOLEAN: bool,
}


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_a_table_has_the_fields_of_its_rows(table: Table) -> None:
    assert table.row is not None
    hints = get_type_hints(table.row)
    columns = {column.name: column.kind for column in table.columns}
    assert columns.keys() == hints.keys()
    for name, kind in columns.items():
        if kind is not Kind.JSON:
            assert hints[name] in (TYPES[kind], TYPES[kind] | None), name


def test_each_kind_of_row_has_a_table() -> None:
    assert len(TABLES) == len({table.row for table in TABLES}) == 15


def test_an_image_has_each_figure() -> None:
    assert ImageFigures.__annotations__.keys() == {figure.name for figure in FIGURES}


def test_a_candidate_has_each_check() -> None:
    assert Checks.__annotations__.keys() == set(Vetting)


def test_only_numbers_are_numbers() -> None:
    assert (number({"n": 1.5}, "n"), number({"n": None}, "n")) == (1.5, None)
    with pytest.raises(TypeError, match="n is not a number: 'text'"):
        number({"n": "text"}, "n")
