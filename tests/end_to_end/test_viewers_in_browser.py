"""The pages of one observation, one image and one star in a real Chromium."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from tests.end_to_end.browsing import LIGHT, NO_SCRIPT, PHONE, guarded_page, in_modes
from tests.service.support.star_fields import SIZE
from tests.service.support.viewer_rows import FIELD, FRAMES, Viewed, add_viewed_observation

STAR = "/sources/1000?catalog=tic"
BRIGHTEST = """canvas => {
  const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  pen.drawImage(canvas, 0, 0);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const brightest = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4)
    for (const part of [0, 1, 2]) brightest[part] = Math.max(brightest[part], data[at + part]);
  return brightest;
}"""
"""Each colour's highest value on a canvas."""


@pytest.fixture(scope="module")
def viewed(module_db: Engine, storage_port: int) -> Viewed:
    return add_viewed_observation(module_db, storage_port)


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, explorer_url: str, viewed: Viewed
) -> Iterator[Page]:
    """A page in the mode that the test asks for; it must stay out of trouble."""
    with guarded_page(browser, explorer_url, request.param) as opened:
        yield opened


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def wait_until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for a condition; Playwright's own way evaluates text, which the policy forbids."""
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("it did not come about")


def on_screen(page: Page, star: int) -> tuple[float, float]:
    """Return where star `star` of the first frame is seen, from where the picture is seen."""
    x, y = (float(axis[star]) for axis in FIELD.places(0))
    box = page.locator(".sheet img").bounding_box()
    assert box is not None
    # The picture has half the frame's size, and its last row above; the caption is below it.
    scale = box["width"] / (SIZE / 2)
    return box["x"] + (x + 0.5) / 2 * scale, box["y"] + (SIZE / 2 - (y + 0.5) / 2) * scale


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_picture_and_grid(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    picture = page.locator(".sheet img")
    assert picture.evaluate("image => image.complete && image.naturalWidth") == SIZE / 2
    grid, shown = page.locator(".over .grid").bounding_box(), picture.bounding_box()
    assert grid is not None
    assert shown is not None
    # The grid covers the sky and leaves the caption out.
    assert (grid["x"], grid["y"]) == pytest.approx((shown["x"], shown["y"]), abs=0.5)
    assert grid["width"] == pytest.approx(shown["width"], abs=0.5)
    assert grid["height"] == pytest.approx(grid["width"], rel=0.01)
    assert page.locator(".over text").first.is_visible()
    page.get_by_label("Grid").uncheck()
    assert not page.locator(".over .grid").is_visible()


@in_modes(LIGHT)
def test_the_whole_picture_comes_when_it_is_zoomed(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    picture = page.locator(".sheet img")
    assert str(picture.get_attribute("src")).endswith("_preview.jpg")
    page.get_by_role("button", name="Zoom in").click()
    whole = page.get_by_role("link", name="Open the picture").get_attribute("href")
    assert not str(whole).endswith("_preview.jpg")
    expect(picture).to_have_attribute("src", str(whole))
    wait_until(page, lambda: picture.evaluate("image => image.complete && image.naturalWidth") > 0)


@in_modes(LIGHT, PHONE)
def test_zoom_by_keyboard_and_buttons(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    stage, picture = page.locator(".stage"), page.locator(".sheet img")

    def width() -> float:
        box = picture.bounding_box()
        assert box is not None
        return box["width"]

    fitting = width()
    stage.focus()
    page.keyboard.press("+")
    assert width() == pytest.approx(1.5 * fitting, rel=0.01)
    before = stage.evaluate("stage => stage.scrollLeft")
    assert before > 0
    page.keyboard.press("ArrowRight")
    wait_until(page, lambda: stage.evaluate("stage => stage.scrollLeft") > before)
    page.keyboard.press("0")
    assert width() == pytest.approx(fitting)
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    assert width() == pytest.approx(2.25 * fitting, rel=0.01)
    assert page.locator("[data-factor]").inner_text().startswith("2.3")
    page.get_by_role("button", name="Fit").click()
    assert width() == pytest.approx(fitting)


@in_modes(LIGHT)
def test_the_wheel_zooms_only_a_chosen_picture_and_keeps_its_place(
    page: Page, viewed: Viewed
) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    star = 24
    page.mouse.move(*on_screen(page, star))
    page.mouse.wheel(0, -10)
    expect(page.locator("[data-factor]")).to_have_text("")
    page.locator(".stage").focus()
    at = on_screen(page, star)
    page.mouse.move(*at)
    page.mouse.wheel(0, -100)
    expect(page.locator("[data-factor]")).not_to_be_empty()
    assert on_screen(page, star) == pytest.approx(at, abs=2)


@in_modes(PHONE)
def test_two_fingers_zoom_and_keep_what_is_between_them(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    star = 24
    page.locator("[data-told]").scroll_into_view_if_needed()
    x, y = on_screen(page, star)
    before = page.locator(".sheet").evaluate("sheet => sheet.clientWidth")
    touch = page.context.new_cdp_session(page)

    def put(kind: str, *aside: float) -> None:
        points = [{"x": x + dx, "y": y, "id": finger} for finger, dx in enumerate(aside)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    put("touchStart", -20)
    put("touchStart", -20, 20)
    for spread in (25, 35, 50):
        put("touchMove", -spread, spread)
    put("touchEnd")
    expect(page.locator("[data-factor]")).to_have_text("2.5\N{MULTIPLICATION SIGN}")
    after = page.locator(".sheet").evaluate("sheet => sheet.clientWidth")
    assert after == pytest.approx(2.5 * before, rel=0.01)
    assert on_screen(page, star) == pytest.approx((x, y), abs=2)
    # The page itself is as large as before.
    assert page.evaluate("visualViewport.scale") == 1


@in_modes(LIGHT, PHONE)
def test_a_star_of_the_picture_leads_to_its_page(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    with page.expect_response(lambda answer: "/sources?" in answer.url) as asked:
        page.get_by_role("checkbox", name="Catalog stars").check()
    assert asked.value.url.endswith("matched=true")
    page.get_by_text("brightest in view").wait_for()
    star = 24
    for _ in range(2):
        page.mouse.move(*on_screen(page, star))
        assert page.locator(".tip").inner_text().startswith(f"TIC {1000 + star},")
        page.mouse.move(0, 0)
        page.locator(".stage").focus()
        page.keyboard.press("+")
    page.mouse.click(*on_screen(page, star))
    page.wait_for_url(f"**/sources/{1000 + star}?catalog=tic")
    assert page.get_by_role("heading", level=1).inner_text() == f"TIC {1000 + star}"


@in_modes(LIGHT)
def test_the_tip_of_a_star_names_its_magnitude(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    page.get_by_role("checkbox", name="Catalog stars").check()
    page.get_by_text("brightest in view").wait_for()
    # The star is near the picture's lower edge.
    page.locator("[data-told]").scroll_into_view_if_needed()
    page.mouse.move(*on_screen(page, 0))
    # The catalog of the test has only this star, of magnitude 9.5.
    assert page.locator(".tip").inner_text().startswith("TIC 1000, 9.5 mag (TESS), ")
    page.mouse.move(*on_screen(page, 1))
    assert "mag" not in page.locator(".tip").inner_text()


@in_modes(LIGHT)
def test_all_sources_have_one_that_is_no_star(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    page.get_by_label("Sources").check()
    page.get_by_text("41 brightest in view").wait_for()
    page.get_by_label("Sources").uncheck()
    assert not page.locator(".marks").is_visible()


@in_modes(LIGHT, NO_SCRIPT)
def test_header_is_searched(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/images/{viewed.image_ids[0]}")
    page.get_by_label("Search", exact=True).fill("airm")
    page.get_by_label("Search", exact=True).press("Enter")
    cards = page.locator("#cards tr:visible")
    expect(cards).to_have_count(1)
    assert cards.inner_text().split() == ["AIRMASS", "1.25"]


@in_modes(LIGHT, NO_SCRIPT)
def test_from_image_to_image_and_back(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/observations/{viewed.sequence_id}")
    below_the_heading = page.locator("main .mono").first
    page.locator(".frames a").nth(1).click()
    page.wait_for_url(f"**/images/{viewed.image_ids[1]}")
    expect(below_the_heading).to_have_text(viewed.image_ids[1])
    page.get_by_role("link", name="Next").click()
    page.wait_for_url(f"**/images/{viewed.image_ids[2]}")
    expect(below_the_heading).to_have_text(viewed.image_ids[2])
    page.locator(".crumb a").click()
    page.wait_for_url(f"**/observations/{viewed.sequence_id}")
    expect(below_the_heading).to_have_text(viewed.sequence_id)


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_plots_lead_to_their_images(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/observations/{viewed.sequence_id}")
    plot = page.locator("[data-title='Star width (FWHM)']")
    assert plot.locator("svg:not([hidden]), [role=img]").first.is_visible()
    plot.scroll_into_view_if_needed()
    live = plot.locator(".u-over")
    if page.evaluate("'uPlot' in window"):
        expect(live).to_be_visible()
        box = live.bounding_box()
        assert box is not None
        live.click(position={"x": box["width"] - 3, "y": box["height"] / 2})
    else:
        plot.locator("circle").last.click()
    page.wait_for_url(f"**/images/{viewed.image_ids[-1]}")


@in_modes(LIGHT, PHONE)
def test_plots_are_made_live(page: Page, viewed: Viewed) -> None:
    open_page(page, f"/observations/{viewed.sequence_id}")
    if not page.evaluate("'uPlot' in window"):
        pytest.skip("uPlot was not fetched at setup")
    plots, live = page.locator("[data-plot]"), page.locator(".plot .u-over")
    assert plots.count() == 7
    # A phone shows one below the other; those farther down are made when they are about to be seen.
    if page.evaluate("innerWidth") < 400:
        assert live.count() < 7
    for number in range(7):
        plots.nth(number).scroll_into_view_if_needed()
    expect(live).to_have_count(7)
    page.locator(".plot .u-over").first.hover()
    assert "UTC" not in page.locator(".plot .u-legend").first.inner_text()
    assert "px" in page.locator(".plot .u-legend").first.inner_text()


@in_modes(LIGHT)
def test_commands_and_citations_are_copied(page: Page, viewed: Viewed) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, f"/observations/{viewed.sequence_id}")
    begun = {"with-wget": "wget -c", "with-curl": "curl ", "citation": "", "bibtex": "@misc{"}
    for name, words in begun.items():
        button = page.locator(f"[data-copies={name}]")
        said = button.inner_text()
        button.click()
        expect(button).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator(f"#{name}").text_content()
        assert copied.startswith(words)
        assert viewed.sequence_id in copied
        expect(button).to_have_text(said)


@in_modes(LIGHT, PHONE)
def test_stamps_frame_by_frame(page: Page, viewed: Viewed) -> None:
    open_page(page, STAR)
    expect(page.locator(".player")).to_be_visible()
    slider = page.get_by_label("Frame", exact=True)
    slider.focus()
    slider.press("ArrowRight")
    assert f"Frame 2 of {FRAMES}" in page.locator("[data-about]").inner_text()
    bright = page.locator(".player canvas").evaluate(BRIGHTEST)
    page.get_by_label("Red", exact=True).check()
    red = page.locator(".player canvas").evaluate(BRIGHTEST)
    assert bright[0] == bright[1] == bright[2] > 200
    assert red[0] > red[1]
    page.get_by_role("button", name="Play").click()
    expect(page.locator("[data-about]")).not_to_contain_text("Frame 2 ")
    page.get_by_role("button", name="Pause").click()


@in_modes(NO_SCRIPT)
def test_stamps_on_one_sheet(page: Page, viewed: Viewed) -> None:
    open_page(page, STAR)
    assert not page.locator(".player").is_visible()
    sheet = page.locator(".sheet-of img").first
    sheet.scroll_into_view_if_needed()
    assert sheet.evaluate("image => image.decode().then(() => image.naturalHeight)") == 10


@in_modes(LIGHT, PHONE, NO_SCRIPT)
def test_light_curve_is_folded_by_the_form(page: Page, viewed: Viewed) -> None:
    open_page(page, STAR)
    page.get_by_label("Period").fill("0.01")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**period_d=0.01**")
    assert page.get_by_text("Folded by 0.01 d").is_visible()
    page.get_by_role("link", name="Unfold").click()
    page.wait_for_url(lambda url: "period_d" not in url)
    expect(page.locator(".curves figure")).to_have_count(3)


@in_modes(LIGHT, NO_SCRIPT)
def test_finder_leads_to_a_neighbour(page: Page, viewed: Viewed) -> None:
    open_page(page, STAR)
    page.get_by_role("link", name="TIC 1001").first.press("Enter")
    page.wait_for_url("**/sources/1001?catalog=tic")
    expect(page.get_by_role("heading", level=1)).to_have_text("TIC 1001")
