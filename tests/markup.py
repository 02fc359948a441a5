"""Whether a page is valid HTML, offline: the standard's own parser, ids and what refers to them, what may stand in what, nothing inline."""

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from tinyhtml5.parser import HTMLParser

BLOCKS = frozenset(
    ["address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "footer", "form", "h1", "h2", "h3", "h4", "header",
     "hr", "main", "nav", "ol", "p", "pre", "section", "table", "ul"]
)  # fmt: skip
PHRASES = frozenset(["span", "em", "strong", "label", "button", "code", "del", "ins", "time", "summary"])
ONLY = {
    "ul": {"li"},
    "ol": {"li"},
    "dl": {"div", "dt", "dd"},
    "tr": {"th", "td"},
    "select": {"option", "optgroup", "hr"},
    "datalist": {"option"},
}
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "list", "form")
LEADING = {"h1": 1, "h2": 2, "h3": 3, "h4": 4}


def problems(html: str) -> list[str]:
    """Everything that is wrong with a page, in words; nothing for a valid one."""
    parser = HTMLParser(namespace_html_elements=False)
    tree = parser.parse(html)
    found = [f"{code} at {place}" for place, code, _ in parser.errors]
    elements = [element for element in tree.iter() if isinstance(element.tag, str)]
    checks = (_ids, _nesting, _inline, _headings, _names)
    return found + [words for check in checks for words in check(elements)]


def _ids(elements: list[Element]) -> Iterator[str]:
    ids = Counter(element.get("id") for element in elements if element.get("id"))
    yield from (f"id {name} stands {count} times" for name, count in ids.items() if count > 1)
    for element in elements:
        for name in REFERENCES:
            missing = [word for word in (element.get(name) or "").split() if word not in ids]
            yield from (f"{element.tag}: {name} names {word}, which is not there" for word in missing)
        if (link := element.get("href") or "").startswith("#") and link[1:] not in ids:
            yield f"a link leads to {link}, which is not there"


def _nesting(elements: list[Element]) -> Iterator[str]:
    for element in elements:
        children = [child.tag for child in element if isinstance(child.tag, str)]
        if element.tag in ONLY:
            yield from (f"{child} in {element.tag}" for child in children if child not in ONLY[element.tag])
        if element.tag in PHRASES:
            blocks = BLOCKS - ({"h2", "h3"} if element.tag == "summary" else set())
            yield from (f"{child.tag} in {element.tag}" for child in element.iter() if child.tag in blocks)


def _inline(elements: list[Element]) -> Iterator[str]:
    """What the content security policy would stop."""
    for element in elements:
        yield from (f"{element.tag} has {name}" for name in element.attrib if name == "style" or name.startswith("on"))
        if element.tag == "style" or (element.tag == "script" and not element.get("src")):
            yield f"an inline {element.tag}"


def _headings(elements: list[Element]) -> Iterator[str]:
    levels = [LEADING[element.tag] for element in elements if element.tag in LEADING]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} first headings"
    yield from (
        f"a heading of level {lower} follows one of {upper}" for upper, lower in zip(levels, levels[1:], strict=False) if lower > upper + 1
    )


def _names(elements: list[Element]) -> Iterator[str]:
    """Each form field has a label, each link and button has words."""
    labelled = {element.get("for") for element in elements if element.tag == "label"}
    for element in elements:
        asks = element.tag in ("input", "select", "textarea") and element.get("type") not in ("hidden", "submit")
        if asks and element.get("id") not in labelled and not element.get("aria-label"):
            yield f"{element.tag} {element.get('name')} has no label"
        if element.tag in ("a", "button") and not "".join(element.itertext()).strip():
            yield f"a {element.tag} without words"
