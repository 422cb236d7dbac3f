import json
from pathlib import Path

import pytest

from portal.demo.inbox import Inbox, Message, inbox_of, split_links
from tests.portal.demo.samples import an_email, an_sms


def test_messages_come_back_as_they_were_in_order(inbox: Inbox) -> None:
    kept = [an_sms(), an_email(), an_sms(id="SM2", reply=True, text="STOP\u2028\x85")]
    for message in kept:
        inbox.append(message)
    assert inbox.messages() == kept


def test_an_inbox_that_nobody_wrote_to_is_empty(inbox: Inbox) -> None:
    assert inbox.messages() == []


def test_a_reader_sees_what_another_process_appends(tmp_path: Path) -> None:
    writer, reader = inbox_of(tmp_path), inbox_of(tmp_path)
    for number in range(3):
        writer.append(an_sms(id=f"SM{number}"))
        assert [message.id for message in reader.messages()] == [f"SM{n}" for n in range(number + 1)]


@pytest.mark.parametrize("torn", [b'{"id": "SM0", "chan', b"\xff\xfe", b"[]", b"null", b'{"id": 1}'])
def test_a_line_cut_short_by_a_crash_is_ignored_and_swallows_nothing(tmp_path: Path, torn: bytes) -> None:
    inbox_of(tmp_path).append(an_sms())
    path = tmp_path / "demo" / "inbox.jsonl"
    with path.open("ab") as file:
        file.write(torn)
    assert inbox_of(tmp_path).messages() == [an_sms()]
    inbox_of(tmp_path).append(an_sms(id="SM2"))
    assert [message.id for message in inbox_of(tmp_path).messages()] == ["SM1", "SM2"]


def test_a_line_that_is_still_being_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    reader = inbox_of(tmp_path)
    inbox_of(tmp_path).append(an_sms())
    path = tmp_path / "demo" / "inbox.jsonl"
    line = path.read_bytes()
    path.write_bytes(line + line[:40])
    assert len(reader.messages()) == 1
    path.write_bytes(line + line)
    assert len(reader.messages()) == 2


def test_an_inbox_that_was_emptied_is_read_anew(tmp_path: Path) -> None:
    inbox = inbox_of(tmp_path)
    inbox.append(an_email())
    assert len(inbox.messages()) == 1
    (tmp_path / "demo" / "inbox.jsonl").write_bytes(b"")
    assert inbox.messages() == []


def test_the_document_has_what_a_reader_of_it_needs() -> None:
    document = an_email().as_json()
    assert json.loads(json.dumps(document)) == document
    assert {"channel", "to", "from", "subject", "text", "html", "headers", "links", "at"} <= set(document)
    assert document["channel"] == "email"
    assert document["at"] == "2016-06-06T09:30:00+00:00"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("", ()),
        ("no link, http:// neither", ()),
        ("see https://a.example/r/Abc123.", ("https://a.example/r/Abc123",)),
        ("(https://a.example/x)!", ("https://a.example/x",)),
        ("«https://a.example/x»", ("https://a.example/x",)),
        ("http://b.example https://a.example http://b.example", ("http://b.example", "https://a.example")),
        ("https://a.example/?a=1&b=2#c\nnext", ("https://a.example/?a=1&b=2#c",)),
    ],
)
def test_links_are_those_of_the_text_in_order_each_once(text: str, links: tuple[str, ...]) -> None:
    message: Message = an_sms(text=text)
    assert message.links == links
    assert "".join(words for words, _ in split_links(text)) == text
