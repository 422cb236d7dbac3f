"""A posted form, read into text values."""

from urllib.parse import parse_qsl

from litestar.exceptions import ClientException, HTTPException

from portal.services import AnyRequest

URL_ENCODED = "application/x-www-form-urlencoded"
MOST_FIELDS = 20


class UnsupportedForm(HTTPException):
    """What was posted is not a form of ours."""

    status_code = 415


async def posted(request: AnyRequest) -> list[tuple[str, str]]:
    """The fields in order. Raises a 4xx for anything that a browser's form would not send."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != URL_ENCODED and (body or kind):
        raise UnsupportedForm
    return fields(body)


def fields(body: bytes, most: int = MOST_FIELDS) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=most)
    except ValueError:
        raise ClientException from None
