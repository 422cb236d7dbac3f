"""The gateway's double calls Reprise back: signed as Twilio signs, and patient while Reprise restarts."""

import asyncio
from collections.abc import Sequence

import httpx
import structlog

from jobs.delivery.sms.twilio import SIGNATURE_HEADER, signature
from portal.demo.accounts import TOKEN

log = structlog.get_logger()

# Seconds before each further attempt.
PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Caller:
    """Posts forms in the background; a sequence of calls keeps its order."""

    def __init__(
        self, *, transport: httpx.AsyncBaseTransport | None = None, patience: Sequence[float] = PATIENCE
    ) -> None:
        self._client = httpx.AsyncClient(transport=transport, timeout=10.0, trust_env=False)
        self._patience = patience
        self._running: set[asyncio.Task[None]] = set()

    def call(self, *calls: tuple[str, dict[str, str]]) -> None:
        """Post each `(address, form)` in turn, without waiting here."""
        task = asyncio.create_task(self._in_turn(calls))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def settled(self) -> None:
        """Once all that was under way has been posted or given up."""
        while self._running:
            await asyncio.gather(*self._running)

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.aclose()

    async def _in_turn(self, calls: Sequence[tuple[str, dict[str, str]]]) -> None:
        for url, form in calls:
            if not await self._post(url, form):
                return

    async def _post(self, url: str, form: dict[str, str]) -> bool:
        headers = {SIGNATURE_HEADER: signature(TOKEN, url, form)}
        problem = ""
        for pause in (*self._patience, None):
            try:
                response = await self._client.post(url, data=form, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = type(error).__name__
            else:
                if response.status_code < 500:
                    return response.is_success
                problem = str(response.status_code)
            if pause is not None:
                await asyncio.sleep(pause)
        log.warning("demo.callback_given_up", problem=problem)
        return False
