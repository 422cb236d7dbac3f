"""What no page of ours sends, refused for every route of the staff's before anything reads it."""

from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import BaseRouteHandler

from portal.patient.guard import SAFE_METHODS

NUL = "\x00"
# In a query and in a form a NUL travels as this; a written percent sign travels as %25.
ESCAPED_NUL = b"%00"


async def refuse_unreadable(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard. The database takes no text that holds a NUL: such an address is none, and such a form says nothing."""
    if any(NUL in str(part) for part in connection.path_params.values()):
        raise NotFoundException
    if ESCAPED_NUL in connection.scope["query_string"]:
        raise ClientException
    if connection.scope.get("method") not in SAFE_METHODS:
        body = await cast("Request[Any, Any, Any]", connection).body()
        if ESCAPED_NUL in body or NUL.encode() in body:
            raise ClientException
