import pytest
from litestar.exceptions import ClientException

from portal.forms.body import fields


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"a=1&b=", [("a", "1"), ("b", "")]),
        (b"a=%C3%A9+x", [("a", "é x")]),
        (b"a", [("a", "")]),
        (b"a=1&a=2", [("a", "1"), ("a", "2")]),
    ],
)
def test_fields_come_in_order(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert fields(body) == expected


@pytest.mark.parametrize("body", [b"\xff", "é=1".encode(), b"a=%ff", b"&".join([b"a=1"] * 21)])
def test_what_a_browser_would_not_send_is_refused(body: bytes) -> None:
    with pytest.raises(ClientException):
        fields(body)
