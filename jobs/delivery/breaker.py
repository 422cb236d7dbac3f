"""What one worker has met in a row at one server, until it knows that the server is down."""

import re
from dataclasses import dataclass, field

from db.changes.channels import Failed
from db.rules import breaker as rules
from jobs.delivery.errors import Ambiguous, DeliveryError, SendingRefused, Temporary

# RFC 3463: addressing and mailbox. A full mailbox, or a greylisted recipient, says nothing of the server.
_ABOUT_ADDRESS = re.compile(r"\b4\.[12]\.\d{1,3}\b")


@dataclass
class Breaker:
    """Only the few errors before a hold live here, and die with the worker; the hold itself stands in the database.

    A message that the server takes ends the row. One that it will never take neither lengthens the row nor ends it.
    """

    errors: int = 0
    code: str = ""
    wait_s: float = 0.0
    has_sent: bool = False
    is_refused: bool = False
    _failed: dict[int, Failed] = field(default_factory=dict)

    @property
    def has_tripped(self) -> bool:
        return self.is_refused or rules.trips(errors=self.errors, messages=len(self._failed))

    @property
    def failed(self) -> tuple[Failed, ...]:
        """The messages of the row, for the hold to give back."""
        return tuple(self._failed.values())

    def note_sent(self) -> None:
        self.reset()
        self.has_sent = True

    def note_error(self, delivery: int, attempt: int, problem: DeliveryError) -> None:
        """Call it with whatever the server answered; what is the message's own trouble is passed over."""
        if not isinstance(problem, Temporary | Ambiguous | SendingRefused):
            return
        if isinstance(problem, Temporary) and _ABOUT_ADDRESS.search(problem.text):
            return
        before = self._failed.get(delivery)
        uncounted = int(isinstance(problem, Temporary)) + (before.uncounted if before else 0)
        # The settlement of a refusal does not count the attempt in the first place; an ambiguous one may have left.
        attempts = attempt - isinstance(problem, SendingRefused)
        self._failed[delivery] = Failed(delivery, attempts, uncounted)
        self.errors += 1
        self.code = problem.code
        self.is_refused |= isinstance(problem, SendingRefused)
        if isinstance(problem, Temporary) and problem.retry_after:
            self.wait_s = max(self.wait_s, problem.retry_after)

    def reset(self) -> None:
        self.errors, self.code, self.wait_s, self.has_sent, self.is_refused = 0, "", 0.0, False, False
        self._failed.clear()
