"""What Slack sends to the app: signed, once or again, in order or not."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from urllib.parse import urlencode

import httpx

from db.clock import Clock
from portal.demo.slack.accounts import SIGNING_SECRET
from portal.demo.slack.shapes import JSON
from portal.demo.slack.signing import headers as signed

# How long Slack waits for an answer, and how long before each further attempt at an event.
TIMEOUT_S = 3.0
PATIENCE = (0.0, 60.0, 300.0)
FORM = "application/x-www-form-urlencoded"
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered. `problem`: `http_timeout`, `connection_failed`, `http_error`, or `held` for what waits in
    the sender's hand."""

    status: int | None
    body: str = ""
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    problem: str | None = None
    took: float = 0.0

    @property
    def ok(self) -> bool:
        return self.problem is None

    def json(self) -> JSON:
        """Empty where it is no JSON object."""
        response = httpx.Response(200, content=self.body.encode())
        try:
            found = response.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


Then = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """`then` takes the answer in, as Slack would: it closes a modal, shows errors, posts a command's words."""

    body: str
    content_type: str
    then: Then | None = None


class Sender:
    """`sent` are all deliveries, in the order in which they left, each with its answer.

    `copies`: how often each is sent again at once, as it is. After `hold()` nothing leaves until `release()`.
    The timestamp is the machine's own, whatever the demo's clock says: the library that checks it reads that one.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str = SIGNING_SECRET,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = TIMEOUT_S,
        patience: Sequence[float] = PATIENCE,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.url, self.secret, self.patience = url, secret, patience
        self.copies = 0
        self.sent: list[tuple[Delivery, Answer]] = []
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)
        self._now = now or Clock().now
        self._held: list[Delivery] | None = None

    def hold(self) -> None:
        self._held = []

    async def release(self, *, order: random.Random | Sequence[int] | None = None) -> list[Answer]:
        """Send what was held: as it came, shuffled, or in the order of these places. Answers in the order sent."""
        held, self._held = self._held or [], None
        if isinstance(order, random.Random):
            order.shuffle(held)
        elif order is not None:
            held = [held[place] for place in order]
        return [await self._deliver(delivery) for delivery in held]

    async def interaction(self, payload: str, then: Then | None = None) -> Answer:
        """`payload` is JSON. Never tried again, as Slack does not."""
        return await self._once(Delivery(urlencode({"payload": payload}), FORM, then))

    async def command(self, form: dict[str, str], then: Then | None = None) -> Answer:
        return await self._once(Delivery(urlencode(form), FORM, then))

    async def event(self, body: str) -> Answer:
        """`body` is JSON. Tried again up to as often as `patience` is long; the last answer."""
        delivery = Delivery(body, JSON_TYPE)
        answer = await self._once(delivery)
        for number, pause in enumerate(self.patience, 1):
            if answer.ok or answer.problem == "held" or answer.headers.get("x-slack-no-retry") == "1":
                break
            await asyncio.sleep(pause)
            retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": answer.problem or "http_error"}
            answer = await self._post(delivery, retry)
        return answer

    async def close(self) -> None:
        await self._client.aclose()

    async def _once(self, delivery: Delivery) -> Answer:
        if self._held is not None:
            self._held.append(delivery)
            return Answer(None, problem="held")
        return await self._deliver(delivery)

    async def _deliver(self, delivery: Delivery) -> Answer:
        first, *_ = await asyncio.gather(*(self._post(delivery, {}) for _ in range(1 + self.copies)))
        if delivery.then is not None:
            delivery.then(first)
        return first

    async def _post(self, delivery: Delivery, more: dict[str, str]) -> Answer:
        timestamp = str(int(self._now().timestamp()))
        headers = {
            "Content-Type": delivery.content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            **signed(self.secret, timestamp, delivery.body),
            **more,
        }
        started = monotonic()
        try:
            response = await self._client.post(self.url, content=delivery.body, headers=headers)
        except httpx.TimeoutException:
            answer = Answer(None, problem="http_timeout", took=monotonic() - started)
        except (httpx.HTTPError, httpx.InvalidURL):
            answer = Answer(None, problem="connection_failed", took=monotonic() - started)
        else:
            problem = None if response.is_success else "http_error"
            answer = Answer(response.status_code, response.text, response.headers, problem, monotonic() - started)
        self.sent.append((delivery, answer))
        return answer
