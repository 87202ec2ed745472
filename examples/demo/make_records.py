"""Make harvest_demo/records.xml out of a real response of arXiv's OAI-PMH server.

    python examples/demo/make_records.py RESPONSE.xml

Only facts are taken over (identifier, dates, title, authors, categories, DOI,
journal reference, licence, a comment that is no longer than a phrase): no abstracts.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from harvest_demo.arxiv import read

HOW_MANY = 40
PHRASE = 120
OAI = "http://www.openarchives.org/OAI/2.0/"
ARXIV = "http://arxiv.org/OAI/arXiv/"


def main(source: str) -> None:
    target = Path(__file__).parent / "harvest_demo" / "records.xml"
    root = Element("OAI-PMH", xmlns=OAI)
    listing = SubElement(root, "ListRecords")
    with open(source, "rb") as stream:
        for record in islice(read(stream), HOW_MANY):
            add(listing, record)
    indent(root, " ")
    ElementTree(root).write(target, encoding="UTF-8", xml_declaration=True)


def add(listing: Element, record: dict[str, Any]) -> None:
    element = SubElement(listing, "record")
    header = SubElement(element, "header")
    put(header, "identifier", record["identifier"])
    put(header, "datestamp", record["datestamp"])
    body = SubElement(SubElement(element, "metadata"), "arXiv", xmlns=ARXIV)
    put(body, "id", record["id"])
    put(body, "created", record["created"])
    put(body, "updated", record["updated"])
    authors = SubElement(body, "authors")
    for name in record["authors"]:
        surname, _, forenames = name.partition(", ")
        author = SubElement(authors, "author")
        put(author, "keyname", surname)
        put(author, "forenames", forenames)
    put(body, "title", record["title"])
    put(body, "categories", " ".join(record["categories"]))
    put(body, "comments", phrase(record["comments"]))
    put(body, "journal-ref", record["journal_ref"])
    put(body, "doi", record["doi"])
    put(body, "license", record["license"])


def phrase(comments: str | None) -> str | None:
    short = " ".join((comments or "").split())
    return short if len(short) <= PHRASE else None


def put(parent: Element, name: str, text: str | None) -> None:
    if text:
        SubElement(parent, name).text = " ".join(text.split())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
