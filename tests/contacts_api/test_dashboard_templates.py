"""Rules that every template keeps, so that a stranger's text can do nothing on a page."""

import re
from pathlib import Path

import pytest

from contacts_api.dashboard import assets, rendering, security

TEMPLATES = sorted(rendering.TEMPLATES.glob("*.html"))
CSS_BUDGET, JS_BUDGET, SCRIPTS_BUDGET = 8_000, 4_000, 22_000


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.name)
def template(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text("utf-8")


def test_nothing_is_marked_as_safe(template: str) -> None:
    assert not re.search(r"\|\s*safe\b|\bautoescape\b|Markup", template)


def test_no_script_or_style_stands_inside_a_page(template: str) -> None:
    assert not re.search(r"<style|\bstyle=|<script(?![^>]* src=)|\son[a-z]+=|javascript:", template)
    assert "hx-on" not in template
    assert "hx-boost" not in template


def test_every_form_that_changes_something_carries_a_token(template: str) -> None:
    for form in re.findall(r"<form[^>]*>.*?</form>", template, re.DOTALL):
        if 'method="post"' in form:
            assert "guard()" in form


def test_every_swap_names_its_target_and_its_way(template: str) -> None:
    for tag in re.findall(r"<[^<>]*\bhx-(?:get|post)=[^<>]*>", template):
        assert "hx-target=" in tag
        assert "hx-swap=" in tag


def test_links_to_attributes_give_nothing_away(template: str) -> None:
    for tag in re.findall(r'<a [^>]*href="\{\{ (?:value|state\.remote_url) \}\}"[^>]*>', template):
        assert 'rel="noopener nofollow"' in tag


def test_styles_and_scripts_stay_within_their_budget() -> None:
    sizes = {name: len(asset.gzipped) for name, asset in assets.load_assets().by_name.items()}
    assert sizes["app.css"] <= CSS_BUDGET
    assert sizes["ui.js"] <= JS_BUDGET
    assert sizes["ui.js"] + sizes["htmx.js"] <= SCRIPTS_BUDGET


def test_the_policy_allows_nothing_but_our_own_files() -> None:
    assert "unsafe" not in security.CSP
    assert "default-src 'none'" in security.CSP
    assert "require-trusted-types-for 'script'" in security.CSP
