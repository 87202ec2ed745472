"""Everything by keys: moving, opening, deciding, searching, and their own page."""

from __future__ import annotations

import re

import pytest
from browser import records
from browser.conftest import Readers
from browser.pen import Pen
from browser.reader import Reader
from playwright.sync_api import expect

from invenio_workflows import WorkflowObject, start


def test_j_and_k_move_from_row_to_row(curator: Reader) -> None:
    curator.open("?group=done")
    ids = [
        row.get_attribute("data-id") for row in curator.page.locator(".hp-row").all()
    ]
    found = []
    for key in "jjjk":
        curator.press(key)
        found.append(curator.focus())
    assert found == [f"t{ids[n]}" for n in (0, 1, 2, 1)]
    curator.press("k", "k", "k")
    assert curator.focus() == f"t{ids[0]}"


def test_enter_opens_and_u_goes_back_to_the_row(curator: Reader) -> None:
    page = curator.open()
    curator.press("j", "j")
    row = curator.focus()
    curator.press("Enter")
    expect(page).to_have_url(re.compile("/holdingpen/[0-9]+.walk="))
    curator.press("u")
    expect(page).to_have_url(re.compile("/holdingpen/$"))
    expect(page.locator(f"#{row}")).to_be_focused()


def test_a_record_is_left_for_the_next_and_the_list_knows_which_was_last(
    pen: Pen, curator: Reader
) -> None:
    pen.halted("Leftfor", 3)
    page = curator.open("?q=leftfor&sort=oldest")
    for key, number in (("j", None), ("Enter", 1), ("j", 2), ("j", 3), ("k", 2)):
        curator.press(key)
        if number is not None:
            expect(page.locator("h1")).to_have_text(f"Leftfor {number} of 3")
    curator.press("u")
    expect(page.locator(".hp-here .hp-open")).to_have_text("Leftfor 2 of 3")


def test_e_edits_and_u_comes_back(pen: Pen, curator: Reader) -> None:
    (oid,) = pen.halted("Edited")
    page = curator.open(str(oid))
    curator.press("e")
    expect(page).to_have_url(re.compile(f"/{oid}/edit"))
    curator.press("u")
    expect(page).to_have_url(re.compile(f"/{oid}$"))


def test_t_runs_what_failed_again_and_the_next_is_there(
    pen: Pen, curator: Reader
) -> None:
    with pen.app.app_context():
        given = [records.data(n, broken=True, title=f"Torn {n}") for n in (1, 2)]
        start("harvest", given, stop_on_error=False)
    page = curator.open("?group=failed&q=torn&sort=oldest")
    curator.press("j", "Enter")
    expect(page.locator("h1")).to_have_text("Torn 1")
    curator.press("t")
    expect(page.locator("h1")).to_have_text("Torn 2")
    expect(page.locator(".hp-good-notice")).to_contain_text("runs its task again")


def test_slash_goes_to_the_search_and_letters_there_are_letters(
    curator: Reader,
) -> None:
    page = curator.open()
    before = curator.rows()
    curator.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("jar?u/e")
    expect(page.locator("#q")).to_have_value("jar?u/e")
    assert curator.rows() == before
    assert page.url.endswith("/holdingpen/")


@pytest.mark.parametrize("keys", ["Control+a", "Meta+r", "Alt+j"])
def test_the_browser_keeps_its_own_keys(curator: Reader, keys: str) -> None:
    page = curator.open()
    curator.press("j")
    focus, rows = curator.focus(), curator.rows()
    page.evaluate("document.addEventListener('keydown', (e) => e.preventDefault())")
    curator.press(keys)
    assert (curator.focus(), curator.rows()) == (focus, rows)


def test_a_without_a_chosen_row_decides_nothing(curator: Reader) -> None:
    curator.open()
    before = curator.rows()
    curator.press("a")
    assert curator.rows() == before
    assert curator.focus().startswith("t")


def test_a_key_that_is_held_down_decides_once(pen: Pen, curator: Reader) -> None:
    pen.halted("Heldkey", 4)
    page = curator.open("?q=heldkey")
    curator.press("j")
    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    assert len(curator.rows()) == 3
    expect(page.locator(".hp-row")).to_have_count(3)


def test_the_help_lists_the_keys_of_its_page(curator: Reader) -> None:
    page = curator.open()
    curator.press("?")
    shown = page.locator("dialog [data-keys]:visible dt")
    assert [each.split() for each in shown.all_inner_texts()] == [
        ["j", "k"],
        ["Enter"],
        ["a"],
        ["r"],
        ["/"],
        ["?"],
    ]
    curator.press("j")
    assert page.locator(".hp-here").count() == 0
    curator.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    curator.open("?group=new")
    page.get_by_role("button", name="Keys").click()
    assert [each.split() for each in shown.all_inner_texts()] == [["/"], ["?"]]


def test_keys_can_be_switched_off_for_good(curator: Reader) -> None:
    page = curator.open()
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use these keys").uncheck()
    page.get_by_role("button", name="Close").click()
    for _ in range(2):
        curator.press("j", "a", "/", "?")
        assert page.locator(".hp-here, dialog[open]").count() == 0
        assert curator.focus() != "q"
        page.reload()
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use these keys").check()
    curator.press("Escape", "j")
    expect(page.locator(".hp-here")).to_have_count(1)


def test_every_key_has_a_button_that_says_so(pen: Pen, reader_of: Readers) -> None:
    ids = pen.halted("Buttons", 3)
    page = reader_of(pen, "admin").open(f"{ids[1]}?q=buttons")
    for key in "areuk":
        button = page.locator(f'[data-key="{key}"]').first
        assert button.get_attribute("aria-keyshortcuts") == key
        assert button.inner_text().strip() or key == "e"


def test_a_reason_that_is_needed_is_asked_for(pen: Pen, curator: Reader) -> None:
    (oid,) = pen.halted("Reasoned", needs_reason=["reject"])
    page = curator.open(str(oid))
    curator.press("r")
    expect(page.locator("#hp-reason")).to_be_focused()
    page.keyboard.type("a copy")
    page.keyboard.press("Tab")
    curator.press("r")
    expect(page).not_to_have_url(re.compile(f"/{oid}$"))
    with pen.app.app_context():
        assert WorkflowObject.get(oid).extra_data["reason"] == "a copy"


def test_a_reason_is_sent_from_its_field_by_what_asked_for_it(
    pen: Pen, curator: Reader
) -> None:
    first, second = pen.halted("Written", 2, needs_reason=["reject"])
    page = curator.open(f"{first}")
    field = page.locator("#hp-reason")
    field.fill("Nobody has asked")
    page.keyboard.press("Control+Enter")  # to accept, or to reject?
    field.fill("")
    page.keyboard.press("Escape")
    curator.press("r")
    expect(field).to_be_focused()
    page.keyboard.type("It is a copy")
    page.keyboard.press("Control+Enter")
    expect(page).not_to_have_url(re.compile(f"/{first}$"))
    with pen.app.app_context():
        kept = WorkflowObject.get(first).extra_data
    assert (kept["approved"], kept["reason"]) == (False, "It is a copy")
    page = curator.open(f"{second}")
    page.locator("#timeline textarea").fill("Look here")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#timeline")).to_contain_text("Look here")
    expect(page.locator(".hp-good-notice")).to_contain_text("The comment is kept.")


def test_a_row_without_buttons_says_where_it_is_decided(curator: Reader) -> None:
    page = curator.open("?workflow=authors&workflow=article&size=100")
    row = page.locator(".hp-row", has_text="authors").first
    row.locator(".hp-open").focus()
    before = curator.rows()
    curator.press("a")
    expect(page.locator(".hp-said")).to_contain_text("on its own page")
    assert curator.rows() == before
    button = row.get_by_role("link", name="Open")
    assert button.get_attribute("aria-keyshortcuts") == "Enter"
    href = button.get_attribute("href")
    curator.press("Enter")
    expect(page).to_have_url(re.compile("walk="))
    assert f"/holdingpen/{str(href).split('/')[-1].split('?')[0]}?" in page.url


def test_the_open_record_is_in_sight_in_the_list_beside_it(curator: Reader) -> None:
    page = curator.open("?size=100")
    page.locator(".hp-row .hp-open").last.click()
    expect(page).to_have_url(re.compile("walk="))
    curator.press()
    expect(page.locator(".hp-beside [aria-current]")).to_be_in_viewport(ratio=0.9)
    assert page.evaluate("scrollY") == 0


def test_each_key_of_a_page_is_a_button_in_its_help(pen: Pen, curator: Reader) -> None:
    ids = pen.halted("Pressed", 2)
    page = curator.open("?q=pressed&sort=oldest")
    for key in "jjka":
        page.get_by_role("button", name="Keys").click()
        page.locator(f'dialog [data-press="{key}"]').click()
        expect(page.locator("dialog")).to_be_hidden()
    expect(curator.row(ids[0])).to_have_count(0)
    expect(page.locator(f"#t{ids[1]}")).to_be_focused()
    page.get_by_role("button", name="Keys").click()
    page.locator('dialog [data-press="/"]').click()
    expect(page.locator("#q")).to_be_focused()
