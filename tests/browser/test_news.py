"""What came meanwhile is told, cheaply, and moves nothing; times are the reader's."""

from __future__ import annotations

import time

from browser.conftest import Readers
from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import Response, expect

#: Lets a test say whether the tab is hidden; at first it is.
HIDING = """
  let hidden = true;
  Object.defineProperty(Document.prototype, "hidden", { get: () => hidden });
  window.hide = (value) => {
    hidden = value;
    document.dispatchEvent(new Event("visibilitychange"));
  };
"""


def polls(reader: Reader) -> list[str]:
    return [each for each in reader.asked if "/arrivals" in each]


def poll(reader: Reader) -> Response:
    """Let time go by until the list has asked for news; return the answer."""
    answers: list[Response] = []

    def note(found: Response) -> None:
        if "/arrivals" in found.url:
            answers.append(found)

    reader.page.on("response", note)
    end = time.monotonic() + 60
    while not answers and time.monotonic() < end:
        # A question is asked some time after the answer to the last one was read.
        reader.page.clock.run_for(15_000)
        reader.page.wait_for_timeout(100)
    reader.page.remove_listener("response", note)
    return answers[-1]


def test_new_ones_are_told_and_no_row_moves(each_pen: Pen, reader_of: Readers) -> None:
    ids = each_pen.halted("Arriving", 2)
    reader = reader_of(each_pen)
    reader.page.clock.install()
    page = reader.open("?q=arriving")
    where = reader.row(ids[0]).bounding_box()
    poll(reader)
    assert "if-none-match" in poll(reader).request.all_headers()
    expect(page.locator(".hp-arrived")).to_be_hidden()
    each_pen.halted("Arriving", 3)
    poll(reader)
    expect(page.locator(".hp-arrived")).to_have_text("3 new")
    assert reader.row(ids[0]).bounding_box() == where
    reader.sees("Arriving 2 of 2", "Arriving 1 of 2")
    page.locator(".hp-arrived").click()
    expect(page.locator(".hp-row")).to_have_count(5)


def test_most_polls_are_answered_by_304(pen: Pen, curator: Reader) -> None:
    page = curator.open()
    url = page.locator("hp-arrivals").get_attribute("data-src")
    ask = curator.context.request.get
    first = ask(f"{pen.url}{url}")
    again = ask(f"{pen.url}{url}", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status, again.status, again.body()) == (200, 304, b"")


def test_a_hidden_tab_asks_nothing_and_a_seen_one_at_once(
    pen: Pen, reader_of: Readers
) -> None:
    reader = reader_of(pen)
    reader.page.clock.install()
    reader.context.add_init_script(HIDING)
    page = reader.open()
    reader.press()
    page.clock.run_for(60_000)
    assert polls(reader) == []
    with page.expect_response("**/arrivals*"):
        page.evaluate("hide(false)")
    page.evaluate("hide(true)")
    page.clock.run_for(60_000)
    assert len(polls(reader)) == 1


def test_a_server_that_is_away_is_asked_again(pen: Pen, reader_of: Readers) -> None:
    reader = reader_of(pen)
    reader.expected = ("ERR_FAILED",)
    reader.page.clock.install()
    page = reader.open()
    page.route("**/arrivals*", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.clock.run_for(15_000)
    page.unroute("**/arrivals*")
    assert poll(reader).ok


def test_times_are_the_readers_and_exact_when_pointed_at(
    pen: Pen, reader_of: Readers
) -> None:
    reader = reader_of(pen, timezone_id="Asia/Tokyo", locale="en-GB")
    page = reader.open()
    when = page.locator("time").first
    title = str(when.get_attribute("title"))
    assert "GMT+9" in title or "Japan" in title
    assert "ago" in when.inner_text() or "now" in when.inner_text()
    assert "UTC" not in title
