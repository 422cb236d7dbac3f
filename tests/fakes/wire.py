"""The far end of an HTTP client: a transport that answers from a list, and a server that hangs up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import httpx

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Wire(httpx.AsyncBaseTransport):
    """Gives its answers in turn, the last one again and again; keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def form(self, number: int = -1) -> dict[str, str]:
        return dict(parse_qsl(self.requests[number].content.decode(), keep_blank_values=True))


@asynccontextmanager
async def server_that_hangs_up(*, answers: bytes = b"") -> AsyncIterator[str]:
    """Reads a whole request, writes `answers` and closes; yields its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), b":0")
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(answers)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
