"""A gateway on a real port that speaks as Twilio's REST API does, for what the sending side needs of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from aiohttp import web


@dataclass
class TwilioServer:
    """`sent` are the accepted forms. `answers` are used up in turn: (status, code) of a refusal, or "hang up" for a
    message that is accepted although the connection then dies."""

    sent: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, int] | str] = field(default_factory=list)
    asked: int = 0
    url: str = ""

    async def create(self, request: web.Request) -> web.StreamResponse:
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, tuple):
            status, code = answer
            body = {"code": code, "message": "refused", "status": status}
            return web.json_response(body, status=status)
        self.sent.append(form)
        if answer == "hang up":
            assert request.transport is not None
            request.transport.close()
        return web.json_response(self._shown(len(self.sent) - 1), status=201)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        asked = {name: request.query[name] for name in ("To", "From") if name in request.query}
        found = [self._shown(place) for place, form in enumerate(self.sent) if asked.items() <= form.items()]
        return web.json_response({"messages": found, "next_page_uri": None})

    def _shown(self, place: int) -> dict[str, str]:
        form = self.sent[place]
        return {
            "sid": f"SM{place:032d}",
            "to": form["To"],
            "from": form.get("From", ""),
            "body": form["Body"],
            "direction": "outbound-api",
            "status": "queued",
            "date_created": "Mon, 16 Nov 2026 10:00:00 +0000",
        }

    def references(self) -> list[str]:
        """Our reference of each accepted message, as its receipts would bring it back."""
        return [parse_qs(urlsplit(form["StatusCallback"]).query)["ref"][0] for form in self.sent]


@asynccontextmanager
async def twilio_server() -> AsyncIterator[TwilioServer]:
    double = TwilioServer()
    app = web.Application()
    app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", double.create)
    app.router.add_get("/2010-04-01/Accounts/{account}/Messages.json", double.listed)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = site._server.sockets[0].getsockname()  # type: ignore[union-attr]
    double.url = f"http://127.0.0.1:{address[1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
