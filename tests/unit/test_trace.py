"""The trace of a piece of work: read from headers, told to the log, carried on."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptes_network.telemetry import trace
from panoptes_network.telemetry.trace import Trace

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{ID}-{SPAN}-01"
CLOUD = f"{ID}/{int(SPAN, 16)};o=1"


@pytest.mark.parametrize("value", [PARENT, f"00-{ID}-{SPAN}-00", f"01-{ID}-{SPAN}-ff"])
def test_a_traceparent_is_read(value: str) -> None:
    assert Trace.from_parent(value) == Trace(ID, SPAN)


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        b"00",
        "",
        ID,
        PARENT + "\n",
        PARENT + '","severity":"CRITICAL',
        " " + PARENT,
        PARENT.upper(),
        f"ff-{ID}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID[:-1]}-{SPAN}-01",
        f"00-{ID[:-1]}\u0664-{SPAN}-01",
        PARENT * 1000,
    ],
)
def test_what_is_no_traceparent_is_ignored(value: object) -> None:
    assert Trace.from_parent(value) is None


@pytest.mark.parametrize(
    "value", [CLOUD, CLOUD.upper().replace("O=", "o="), f"{ID}/{int(SPAN, 16)}"]
)
def test_googles_header_is_read(value: str) -> None:
    assert Trace.from_cloud(value) == Trace(ID, SPAN)


@pytest.mark.parametrize("value", [ID, f"{ID};o=0", f"{ID}/0;o=1", f"{ID}/99999999999999999999"])
def test_googles_header_may_lack_a_span(value: str) -> None:
    read = Trace.from_cloud(value)
    assert read is not None
    assert read.trace_id == ID
    assert int(read.span_id, 16) > 0


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "",
        "x" * 32,
        "0" * 32 + "/1;o=1",
        CLOUD + "\r\nx: y",
        f"{ID}/-1",
        f"{ID}/1e5",
        f"{ID}/\u0661",
    ],
)
def test_what_is_not_googles_header_is_ignored(value: object) -> None:
    assert Trace.from_cloud(value) is None


@given(st.text() | st.integers() | st.none() | st.binary())
def test_anything_may_come_as_a_header(value: object) -> None:
    with trace.work({trace.PARENT: value, trace.CLOUD: value}):
        fields = trace.log_fields()
    assert str(fields["logging.googleapis.com/trace"]).startswith("projects/")


def test_work_goes_on_with_the_trace_that_it_came_with() -> None:
    with trace.work({trace.CLOUD: CLOUD}, message_id="7", image_id=None):
        assert trace.log_fields() == {
            "message_id": "7",
            "logging.googleapis.com/trace": f"projects/panoptes-local/traces/{ID}",
            "logging.googleapis.com/spanId": SPAN,
        }
        assert trace.headers() == {trace.PARENT: PARENT, trace.CLOUD: CLOUD}
        assert trace.attributes() == {trace.PARENT: PARENT}
    assert trace.log_fields() == trace.headers() == trace.attributes() == {}


def test_without_one_a_new_trace_begins_each_time() -> None:
    seen = set()
    for _ in range(3):
        with trace.work({trace.PARENT: "nonsense"}):
            assert Trace.from_parent(trace.attributes()[trace.PARENT]) is not None
            seen.add(trace.attributes()[trace.PARENT])
    assert len(seen) == 3


def test_what_was_pushed_knows_its_trace_better_than_the_push() -> None:
    with trace.work():
        trace.follow("nonsense")
        trace.follow(None)
        trace.follow(PARENT)
        assert trace.attributes() == {trace.PARENT: PARENT}


def test_what_is_noted_stays_with_the_work() -> None:
    with trace.work(image_id="outer"):
        with trace.work(image_id="inner"):
            trace.note(image_id="changed", reason_code=None)
            assert trace.noted("image_id") == "changed"
        assert trace.noted("image_id") == "outer"
        assert trace.noted("reason_code") is None
    trace.note(image_id="nobody's")
    trace.follow(PARENT)
    assert trace.noted("image_id") is None


def test_two_threads_have_two_works() -> None:
    seen = []
    with trace.work(image_id="mine"):
        thread = threading.Thread(target=lambda: seen.append(trace.noted("image_id")))
        thread.start()
        thread.join()
    assert seen == [None]
