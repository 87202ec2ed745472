"""The demo's reader of OAI-PMH: what arXiv sends, and what nobody should send."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest

from harvest_demo import arxiv
from harvest_demo.arxiv import ArxivError, read

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<responseDate>2016-01-18T15:33:12Z</responseDate>
<request verb="ListRecords" metadataPrefix="arXiv" set="cs">http://x/oai2</request>
"""
RECORD = """<record>
<header>
 <identifier>oai:arXiv.org:1101.4388</identifier>
 <datestamp>2015-01-16</datestamp>
 <setSpec>cs</setSpec>
</header>
<metadata>
 <arXiv xmlns="http://arxiv.org/OAI/arXiv/">
 <id>1101.4388</id><created>2011-01-23</created><updated>2012-03-28</updated>
 <authors><author><keyname>R&#xf6;glin</keyname><forenames>Heiko</forenames>
 <affiliation>LIF</affiliation></author><author><keyname>Dixon</keyname>
 <forenames>Warren E.</forenames><suffix>Jr</suffix></author>
 <author><keyname>ATLAS Collaboration</keyname></author></authors>
 <title>Time-Varying Input and State Delay Compensation for Uncertain Nonlinear
  Systems</title><categories>stat.ML cs.LG math.FA</categories>
 <comments>28 pages &amp; more</comments>
 <journal-ref>Appl. Comput. Harmon. Anal., 34:96-116, 2013</journal-ref>
 <doi>10.1016/j.acha.2012.03.009</doi>
 <license>http://arxiv.org/licenses/nonexclusive-distrib/1.0/</license>
 <abstract>  We construct spaces.
</abstract></arXiv>
</metadata>
</record>
"""
DELETED = """<record><header status="deleted">
<identifier>oai:arXiv.org:0704.0001</identifier><datestamp>2015-01-17</datestamp>
</header></record>
"""


def response(*records: str, head: str = HEAD) -> str:
    body = "".join(records)
    return f"{head}<ListRecords>\n{body}</ListRecords>\n</OAI-PMH>\n"


def records_of(text: str) -> list[dict[str, object]]:
    return list(read(io.BytesIO(text.encode())))


def refusal(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ArxivError) as caught:
        list(read(io.BytesIO(data)))
    return str(caught.value)


def test_a_record_becomes_a_plain_dict():
    assert records_of(response(RECORD)) == [
        {
            "identifier": "oai:arXiv.org:1101.4388",
            "datestamp": "2015-01-16",
            "deleted": False,
            "id": "1101.4388",
            "title": "Time-Varying Input and State Delay Compensation for Uncertain"
            " Nonlinear\n  Systems",
            "authors": ["Röglin, Heiko", "Dixon, Warren E., Jr", "ATLAS Collaboration"],
            "categories": ["stat.ML", "cs.LG", "math.FA"],
            "created": "2011-01-23",
            "updated": "2012-03-28",
            "doi": "10.1016/j.acha.2012.03.009",
            "journal_ref": "Appl. Comput. Harmon. Anal., 34:96-116, 2013",
            "license": "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
            "comments": "28 pages & more",
            "abstract": "We construct spaces.",
        }
    ]


def test_text_is_read_as_well_as_bytes():
    text = response(RECORD)
    assert list(read(io.StringIO(text))) == records_of(text)


def test_a_deleted_record_says_so():
    (record,) = records_of(response(DELETED))
    assert record["deleted"] is True
    assert record["identifier"] == "oai:arXiv.org:0704.0001"
    assert record["title"] is None and record["authors"] == []


@pytest.mark.parametrize(
    "bare",
    [
        "<record/>",
        "<record><header/><metadata/></record>",
        "<record><metadata><arXiv/></metadata></record>",
        "<record><metadata><arXiv><title/><authors><author/></authors></arXiv>"
        "</metadata></record>",
    ],
)
def test_what_is_missing_is_none_or_an_empty_list(bare: str):
    (record,) = records_of(response(bare))
    assert record.pop("authors") == [] and record.pop("categories") == []
    assert record.pop("deleted") is False
    assert set(record.values()) == {None}


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("http://www.openarchives.org/OAI/2.0/", "http://arxiv.org/OAI/arXiv/"),
        ("https://www.openarchives.org/OAI/2.0/", "https://arxiv.org/OAI/arXiv/"),
        ("http://www.openarchives.org/OAI/1.1/OAI_ListRecords", ""),
        ("", ""),
    ],
)
def test_the_version_of_the_namespaces_does_not_matter(outer: str, inner: str):
    text = response(RECORD).replace("http://www.openarchives.org/OAI/2.0/", outer)
    text = text.replace("http://arxiv.org/OAI/arXiv/", inner)
    assert records_of(text) == records_of(response(RECORD))


def test_prefixed_names_are_the_same_names():
    text = (
        '<o:OAI-PMH xmlns:o="http://www.openarchives.org/OAI/2.0/" '
        'xmlns:a="http://arxiv.org/OAI/arXiv/"><o:ListRecords><o:record><o:metadata>'
        "<a:arXiv><a:id>1</a:id></a:arXiv></o:metadata></o:record></o:ListRecords>"
        "</o:OAI-PMH>"
    )
    assert records_of(text)[0]["id"] == "1"


def test_a_resumption_token_is_passed_over():
    token = '<resumptionToken cursor="0">1|2</resumptionToken>'
    assert len(records_of(response(RECORD, DELETED, token))) == 2


def test_the_answer_to_getrecord_is_read_too():
    text = response(RECORD).replace("ListRecords>", "GetRecord>")
    assert len(records_of(text)) == 1


def test_an_empty_list_is_no_error():
    assert records_of(response()) == []


def test_a_doctype_is_refused():
    text = response(RECORD).replace("<OAI-PMH", "<!DOCTYPE OAI-PMH>\n<OAI-PMH", 1)
    assert "DOCTYPE before the end of the first record" in refusal(text)


def test_a_billion_laughs_are_refused():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">\n' for n in range(1, 10))
    dtd = f'<!DOCTYPE OAI-PMH [<!ENTITY l0 "lol">\n{laughs}]>\n<OAI-PMH'
    text = response(RECORD.replace("1101.4388", "&l9;")).replace("<OAI-PMH", dtd, 1)
    assert "DOCTYPE" in refusal(text)


def test_an_external_entity_is_refused():
    dtd = '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>\n<OAI-PMH'
    text = response(RECORD.replace("1101.4388", "&f;")).replace("<OAI-PMH", dtd, 1)
    assert "DOCTYPE" in refusal(text)


def test_a_file_that_is_cut_off_says_after_which_record():
    text = response(RECORD, RECORD)
    seen: list[object] = []
    with pytest.raises(ArxivError) as caught:
        for record in read(io.StringIO(text[: -len(RECORD) // 2])):
            seen.append(record)
    assert len(seen) == 1
    assert "cut off after record 1 (oai:arXiv.org:1101.4388)" in str(caught.value)
    assert "line" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no element found"),
        (b"\x00\x01\x02", "before the end of the first record"),
        (b"title,author\n", "line 1, column 0"),
        (b"<html><body/></html>", "first element is <html>"),
        (b"<OAI-PMH/>", "verb=ListRecords"),
        (b"<OAI-PMH><ListIdentifiers/></OAI-PMH>", "verb=ListRecords"),
        (b"<?xml version='1.0' encoding='klingon'?><OAI-PMH/>", "klingon"),
        (b"<?xml version='1.0' encoding='utf-8'?><OAI-PMH>\xff", "invalid token"),
    ],
)
def test_what_is_no_such_response_is_refused(data: bytes, said: str):
    assert said in refusal(data)


def test_text_of_the_wrong_encoding_is_refused():
    stream = io.TextIOWrapper(io.BytesIO(b"<OAI-PMH>\xff"), encoding="utf-8")
    with pytest.raises(ArxivError, match="cannot be decoded"):
        list(read(stream))


def test_an_error_of_the_server_is_told():
    text = HEAD + '<error code="noRecordsMatch">Nothing there</error></OAI-PMH>'
    assert "(noRecordsMatch): Nothing there" in refusal(text)


def test_another_format_is_refused_by_name():
    other = "<record><metadata><oai_dc><title>T</title></oai_dc></metadata></record>"
    said = refusal(response(RECORD, other))
    assert "after record 1" in said and "<oai_dc>" in said
    assert "metadataPrefix=arXiv" in said


def test_a_record_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arxiv, "MAX_RECORD_BYTES", 1024**2)
    stream = _Endless(HEAD + "<ListRecords><record><metadata><arXiv><title>")
    with pytest.raises(ArxivError, match="More than 1 MB"):
        list(read(stream))  # type: ignore[arg-type]
    assert stream.given < 2 * 1024**2


class _Endless:
    """A stream that begins well and never ends."""

    def __init__(self, start: str) -> None:
        self.start = start
        self.given = 0

    def read(self, size: int) -> str:
        chunk, self.start = (self.start or "a" * size), ""
        self.given += len(chunk)
        return chunk


class _Generated:
    """A response of very many records that is never anywhere as a whole."""

    def __init__(self, count: int) -> None:
        self.parts = self._parts(count)

    def _parts(self, count: int) -> Iterator[bytes]:
        yield (HEAD + "<ListRecords>").encode()
        for _ in range(count):
            yield RECORD.encode()
        yield b"</ListRecords></OAI-PMH>"

    def read(self, size: int) -> bytes:
        return next(self.parts, b"")


def peak_of_reading(count: int) -> int:
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(_Generated(count))) == count  # type: ignore[arg-type]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_records():
    peak_of_reading(10)  # what is loaded once
    few, many = peak_of_reading(50), peak_of_reading(400)
    assert many < few + 100_000, (few, many)
