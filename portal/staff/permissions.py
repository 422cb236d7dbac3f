"""Who may see and do what: one table, and the guard that every staff route carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from db.changes.security import SecurityEvent, log_security
from db.clock import now
from db.states import Role
from portal.staff.problems import NotAllowed, NotSignedIn
from portal.staff.session import me_of


class May(StrEnum):
    OWN_ACCOUNT = "own_account"
    SEE_WORKLIST = "see_worklist"
    ACT_ON_CASES = "act_on_cases"
    SEE_DOSSIER = "see_dossier"
    CHANGE_SEQUENCES = "change_sequences"
    SET_LABELS = "set_labels"
    MARK_ABSENCES = "mark_absences"
    SEE_TEXTS = "see_texts"
    EDIT_TEXTS = "edit_texts"
    MANAGE_STAFF = "manage_staff"


EVERYBODY = frozenset(Role)
CLINICAL = frozenset({Role.CLINICAL_LEAD, Role.PRACTITIONER, Role.CARE_COORDINATOR})

# Whoever answers the telephone must be able to stop a patient's messages; whether a patient is at high risk is a
# clinical statement; the practice's wording is its administration's.
ALLOWED: Mapping[May, frozenset[Role]] = {
    May.OWN_ACCOUNT: EVERYBODY,
    May.SEE_WORKLIST: EVERYBODY,
    May.ACT_ON_CASES: EVERYBODY,
    May.SEE_DOSSIER: EVERYBODY,
    May.CHANGE_SEQUENCES: EVERYBODY,
    May.SET_LABELS: CLINICAL,
    May.MARK_ABSENCES: EVERYBODY,
    May.SEE_TEXTS: frozenset({Role.ADMIN, Role.CLINICAL_LEAD}),
    May.EDIT_TEXTS: frozenset({Role.ADMIN}),
    May.MANAGE_STAFF: frozenset({Role.ADMIN}),
}


def may(role: Role, need: May) -> bool:
    return role in ALLOWED[need]


def gains(before: Role, now_: Role) -> bool:
    """Whether the new role may do what the one before may not."""
    return any(now_ in roles and before not in roles for roles in ALLOWED.values())


@dataclass(frozen=True)
class Guard:
    """`needs` is what a test reads that walks every route."""

    needs: tuple[May, ...]

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        me = me_of(connection)
        # What was opened with fewer rights is not worth more afterwards: more of them want a sign-in of their own.
        if me.came_as and gains(Role(me.came_as), me.role):
            raise NotSignedIn
        for need in self.needs:
            if not may(me.role, need):
                await log_security(
                    me.practice.id,
                    event=SecurityEvent.ROLE_REFUSED,
                    actor=me.hand.actor,
                    now=now(),
                    data={"may": need, "role": me.role},
                )
                raise NotAllowed


def guard(*needs: May) -> Guard:
    """For a route: whoever asks must have a role that `ALLOWED` lists under every one of `needs`."""
    return Guard(needs)
