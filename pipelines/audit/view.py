"""What a page of the audit shows, as records: the same that it hands out as JSON and as CSV."""

import csv
import io

from components.core.contracts.records import Record


class Cell(Record):
    """A value, and the page that tells more of it."""

    text: str
    href: str | None = None


class Fact(Record):
    """A named value."""

    name: str
    value: Cell


class Table(Record):
    """Rows of cells under the names of their columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


class Text(Record):
    """A longer text in its own words, such as a prompt or an answer."""

    name: str
    text: str


class Section(Record):
    """What is known of one thing that a page is about."""

    title: str
    href: str | None = None
    facts: tuple[Fact, ...] = ()
    texts: tuple[Text, ...] = ()
    missing: str = ""


class Node(Record):
    """A box of the graph; `here` marks the one that the page is about."""

    id: str
    kind: str
    label: str
    href: str | None = None
    here: bool = False


class Graph(Record):
    """Boxes and the arrows between them, from what was read to what was made of it."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


class Field(Record):
    """A field of a form: of what kind it asks for a value, and what was given."""

    name: str
    label: str
    options: tuple[str, ...] = ()
    value: str = ""


class Form(Record):
    """What a page asks of its reader before it can answer."""

    fields: tuple[Field, ...]
    button: str


class View(Record):
    """A page; `state` is a word of good or bad news, `audio` the id of a clip to play."""

    title: str
    kind: str
    lead: str = ""
    state: str = ""
    bad: bool = False
    audio: str | None = None
    sections: tuple[Section, ...] = ()
    tables: tuple[Table, ...] = ()
    graph: Graph | None = None
    form: Form | None = None


def as_csv(view: View) -> str:
    """Write a view as CSV: a line for each fact and text with the section that it stands in, then the tables."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("section", "name", "value"))
    for section in view.sections:
        lines.writerows(_plain_row(section.title, fact.name, fact.value.text) for fact in section.facts)
        lines.writerows(_plain_row(section.title, text.name, text.text) for text in section.texts)
    for table in view.tables:
        out.write("\r\n")
        lines.writerow(_plain_row(table.title, *table.columns))
        lines.writerows(_plain_row("", *(cell.text for cell in row)) for row in table.rows)
    return out.getvalue()


def _plain_row(*cells: str) -> list[str]:
    return [_plain(cell) for cell in cells]


def _plain(text: str) -> str:
    """Keep a spreadsheet from taking somebody's words for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
