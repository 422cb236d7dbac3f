"""What can be refused.

RepriseError
├── ConfigurationError      something the installer must set, with what to do
│   └── Unreadable          a sealed value that our key does not open
├── Refused                 a change that may not happen; nothing was written
│   ├── IllegalTransition   the row is not in a state from which this move is allowed
│   ├── AlreadyClaimed      a case that somebody else has; `holder` is their name
│   ├── MayNotAct           a case that waits for those who give care, and was not given to whoever acts
│   ├── SlotTaken           somebody else has the time, or it is no longer offered
│   ├── Outdated            what the page showed has changed meanwhile
│   │   └── Overtaken       somebody else has saved since; `by` is their name
│   ├── Undecided           messages wait for a decision that was not taken
│   ├── TooEarly            nobody is missed before they were expected
│   └── NotFound            no such row in this practice
└── MessageUnderWay         a message is being handed over right now; try again in a moment
"""


class RepriseError(Exception):
    """Base of every error that Reprise raises on purpose. The text is one sentence that says what to do."""


class ConfigurationError(RepriseError):
    """The installation lacks something, or holds something that cannot work."""


class Unreadable(ConfigurationError):
    """A sealed value that the key it names does not open: another key, or a value that was tampered with."""


class Refused(RepriseError):
    """A change of state that may not happen; nothing was written."""


class IllegalTransition(Refused):
    """The row is in a state from which this move is not allowed."""

    def __init__(self, what: str, current: str, wanted: str) -> None:
        super().__init__(f"{what} is {current}: it cannot become {wanted}.")
        self.current, self.wanted = current, wanted


class AlreadyClaimed(Refused):
    """Somebody else has the case."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder or 'Somebody else'} has this case already.")
        self.holder = holder


class MayNotAct(Refused):
    """The case waits for a decision of those who give care, and was not given to this person."""


class SlotTaken(Refused):
    """The time is no longer open."""


class Outdated(Refused):
    """What the page showed that asked for this has changed meanwhile."""


class Overtaken(Outdated):
    """Somebody else has saved since the page was opened; `by` is empty where nobody is known any more."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{by or 'Somebody else'} has saved this in the meantime.")
        self.by = by


class Undecided(Refused):
    """The patient's messages wait until somebody says whether they go on or end."""


class TooEarly(Refused):
    """The appointment has not begun."""


class NotFound(Refused):
    """No such row in this practice."""


class MessageUnderWay(RepriseError):
    """A message of this patient is being handed to a server at this moment; the stop waits for it."""
