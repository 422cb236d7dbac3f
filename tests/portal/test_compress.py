import gzip

import pytest

from portal.compress import gzipped

HEAD = "<!doctype html><style>a{b:c}</style>"


@pytest.mark.parametrize(
    ("page", "common"),
    [
        (HEAD + "before" + "slots " * 900 + "after", "slots " * 900),
        (HEAD + "before", ""),
        (HEAD + "before", "not in it"),
        (HEAD, ""),
        ("no head, été ✓", "été"),
        ("", ""),
        (HEAD + "slots" + "slots", "slots"),
        ("</style>" * 3 + "x" * 100_000, ""),
    ],
)
def test_what_is_packed_comes_out_whole(page: str, common: str) -> None:
    packed = gzipped(page, common)
    assert gzip.decompress(packed).decode() == page
    assert gzipped(page, common) == packed


def test_a_page_gets_smaller() -> None:
    common = "".join(f'<button name="slot" value="{number}">' for number in range(200))
    page = HEAD + common + "</body>"
    assert len(gzipped(page, common)) < len(page) / 5
