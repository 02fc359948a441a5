"""The pictures of README and docs: each can be taken, each is there in both schemes and small, and each is shown somewhere."""

import re
from pathlib import Path

import pytest

from tests.browser import screenshots

PROJECT = Path(__file__).resolve().parent.parent.parent
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
NAMES = {f"{name}-{scheme}.png" for name in screenshots.SHOTS for scheme in screenshots.SCHEMES}


def test_each_picture_is_there_and_small():
    sizes = {path.name: path.stat().st_size for path in screenshots.FOLDER.glob("*")}

    assert set(sizes) == NAMES
    assert {name for name, size in sizes.items() if size > 120_000} == set()


def test_each_picture_is_shown_in_both_schemes():
    shown = {Path(found).name for page in PAGES for found in re.findall(r'(?:src|srcset)="([^"]+\.png)"', page.read_text())}

    assert shown == NAMES


@pytest.mark.parametrize("name", screenshots.SHOTS)
def test_each_picture_can_be_taken_of_the_demo(site, browser, name):
    page = browser.new_context(viewport=screenshots.WINDOW).new_page()
    screenshots.sign_in(page, site, screenshots.SHOTS[name][0])

    screenshots.show(page, site, name)

    assert page.locator("h1").first.is_visible() or screenshots.SHOTS[name][3]
    page.context.close()
