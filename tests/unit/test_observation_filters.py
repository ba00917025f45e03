"""The address of the page of observations: what it asks for, and where its links lead."""

from urllib.parse import parse_qs, parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations_explorer.pages.observation_filters import LABELS, Search, place_of
from panoptes_network.responses.observations import FacetCount


@pytest.mark.parametrize(
    ("near", "asked"),
    [
        ("83.82 -5.39", {"ra": "83.82", "dec": "-5.39"}),
        ("83.82, -5.39", {"ra": "83.82", "dec": "-5.39"}),
        ("83.82 \N{MINUS SIGN}5.39", {"ra": "83.82", "dec": "-5.39"}),
        ("10.68 41.27", {"ra": "10.68", "dec": "41.27"}),
        ("05:35:17.3 -05:23:28", {"ra": "05:35:17.3", "dec": "-05:23:28"}),
        ("5 35 17 -5 23 28", {"ra": "5 35 17", "dec": "-5 23 28"}),
        ("0 42 44 41 16 9", {"ra": "0 42 44", "dec": "41 16 9"}),
        ("05h35m17s+05d23m28s", {"ra": "05h35m17s", "dec": "+05d23m28s"}),
        ("M42", {"name": "M42"}),
        ("47 Tuc", {"name": "47 Tuc"}),
        ("TIC 38846515", {"name": "TIC 38846515"}),
        ("HD 189733 b", {"name": "HD 189733 b"}),
        ("42", {"name": "42"}),
        ("Köln -5", {"name": "Köln -5"}),
    ],
)
def test_a_place_is_coordinates_or_a_name(near: str, asked: dict[str, str]) -> None:
    assert place_of(near) == asked


def test_what_is_set_is_asked_for() -> None:
    search = Search.parse({"unit": " PAN001 ", "near": "M42", "radius": "5", "state": "", "x": "y"})
    assert search.asked == {"unit": "PAN001", "name": "M42", "radius": "5"}
    assert Search.parse({"radius": "5"}).asked == {}


def test_observations_datas_own_way_of_saying_a_place_works() -> None:
    assert Search.parse({"ra": "83.8", "dec": "-5.4"}).filters == {"near": "83.8 -5.4"}
    assert Search.parse({"name": "M42"}).filters == {"near": "M42"}


def test_a_chip_leads_to_the_page_without_its_filter() -> None:
    search = Search.parse({"near": "M42", "radius": "3", "tag": "a&b", "sort": "distance"})
    by_label = {chip.label: chip for chip in search.chips}
    assert by_label["Near"].words == "M42 within 3°"
    # Without a place there is neither a radius nor a distance.
    assert parse_qsl(by_label["Near"].without) == [("tag", "a&b")]
    assert parse_qs(by_label["Tag"].without) == {
        "near": ["M42"],
        "radius": ["3"],
        "sort": ["distance"],
    }


def test_words_are_those_of_a_reader() -> None:
    chips = Search.parse({"state": "sources_extracted", "after": "2018-10-11", "before": "?"}).chips
    assert [chip.words for chip in chips] == ["11 October 2018", "?", "complete"]


def test_a_head_sorts_and_turns_around() -> None:
    search = Search.parse({"unit": "PAN001"})
    assert search.is_by_time
    assert search.aria_sort("time") == "descending"
    assert search.aria_sort("field") == "none"
    assert parse_qs(search.sorted_by("time"))["order"] == ["asc"]
    by_field = Search.parse(dict(parse_qsl(search.sorted_by("field"))))
    assert (by_field.filters, by_field.sort, by_field.order) == ({"unit": "PAN001"}, "field", "asc")
    assert by_field.aria_sort("field") == "ascending"
    assert parse_qs(by_field.sorted_by("field"))["order"] == ["desc"]


def test_a_facet_is_chosen_and_left_again() -> None:
    counted: dict[str, list[FacetCount]] = {
        "unit": [{"value": "PAN001", "count": 3}, {"value": "PAN006", "count": 1}],
        "year": [{"value": "2018", "count": 4}],
        "tag": [],
    }
    search = Search.parse({"after": "2018-01-01", "before": "2018-12-31"})
    units, year = search.facets(counted)
    assert [value.words for value in units.values] == ["PAN001", "PAN006"]
    assert parse_qs(units.values[1].address)["unit"] == ["PAN006"]
    assert year.values[0].is_chosen
    assert year.values[0].address == ""
    # One value that is not chosen leaves nothing to choose.
    assert [facet.name for facet in Search.parse({}).facets(counted)] == ["unit"]


@given(
    st.dictionaries(
        st.sampled_from([*LABELS, "sort", "order", "cursor"]), st.text(max_size=12), max_size=6
    )
)
def test_addresses_lead_back_to_the_same_search(parameters: dict[str, str]) -> None:
    search = Search.parse(parameters)
    again = Search.parse(dict(parse_qsl(search.address())))
    assert again.filters == search.filters
    assert set(search.asked) <= {*LABELS, "sort", "order", "cursor", "name", "ra", "dec"}
