"""The console in a real browser: on a phone, in the dark, without a mouse or scripts, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.surfaces.making import id_of
from tests.browser.conftest import watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CUSTOMER = id_of(7)
PAGES = (
    "/",
    "/?dimension=lifecycle&span=90",
    "/customers",
    "/customers?in.value_tier=gold&in.value_tier=silver&sort=-revenue",
    "/customers?text=nobody",
    "/customers?since_from=2025-01-01",
    f"/customers/{CUSTOMER}",
    "/changes",
    "/pending",
    "/flows?first=2025-01-01&last=2025-12-31",
    "/value?measure=revenue",
    "/rules",
    "/dead-letters",
    "/acts",
    f"/acts?customer={CUSTOMER}&act=floor&dimension=value_tier",
    "/api/docs",
)
#: Looks in which every page must stand: width, language, scheme, scripts.
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone, dark, Chinese": {
        "viewport": {"width": 390, "height": 844},
        "locale": "zh-CN",
        "color_scheme": "dark",
    },
    "no scripts": {"viewport": {"width": 1280, "height": 900}, "java_script_enabled": False},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_stands_by_itself(site: str, browser: Any, look: str) -> None:
    context = browser.new_context(**LOOKS[look])
    page = context.new_page()
    seen = watched(page, site)
    for path in PAGES:
        answer = page.goto(site + path)
        assert answer.status == 200, path
        if path != "/api/docs":
            assert page.locator("h1").count() == 1, path
            assert page.evaluate("document.documentElement.lang") == ("zh" if "Chinese" in look else "en")
        room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert room[0] <= room[1], f"{path} is wider than the screen"
    assert seen.errors == []
    assert seen.elsewhere == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(site: str, browser: Any, scheme: str) -> None:
    """No serious finding of axe on any page."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    found = []
    for path in PAGES[:-1]:
        page.goto(site + path)
        page.wait_for_load_state("networkidle")
        found += [
            (path, each["id"], [node["html"][:120] for node in each["nodes"]][:2])
            for each in Axe().run(page).response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
    assert found == []
    context.close()


def test_the_keyboard_is_enough(site: str, browser: Any) -> None:
    """The first stop leads past the menu; a search is typed, entered and opened without a mouse."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(site + "/customers")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.focus("#quick")
    page.keyboard.type(CUSTOMER)
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers?text=*")
    page.focus("tbody a")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/customers/{CUSTOMER}")
    assert page.locator("h1").inner_text() == CUSTOMER
    context.close()


def test_language_and_appearance_are_remembered(site: str, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(site + "/pending?dimension=need")
    page.click("button[value=zh]")
    assert page.url == site + "/pending?dimension=need"
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.click("button[value=dark]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto(site + "/")
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()


def test_charts_come_alive_and_were_there_before(site: str, browser: Any) -> None:
    from playwright.sync_api import expect

    still = browser.new_context(java_script_enabled=False).new_page()
    still.goto(site + "/")
    assert still.locator("[data-plot] svg path").count() >= 4
    page = browser.new_context().new_page()
    page.goto(site + "/")
    page.wait_for_selector(".js-plotly-plot .scatterlayer")
    page.locator(
        "[data-plot]"
    ).last.scroll_into_view_if_needed()  # those further down wait until they are seen
    expect(page.locator(".js-plotly-plot")).to_have_count(2)


def test_an_override_says_what_it_will_do_before_it_does(site: str, browser: Any) -> None:
    """No broker is there, so that confirming it is refused with a sentence, and nothing is lost silently."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{site}/acts?customer={CUSTOMER}&act=pin&dimension=value_tier")
    page.select_option("#category", "value_tier.platinum")
    page.fill("#reason", "<b>goodwill</b>")
    page.click("main form button.first")
    told = page.locator("main").inner_text()
    assert "Platinum" in told
    assert "<b>goodwill</b>" in told
    context.close()
