"""What cases are about, and who may act on which, whichever face of the worklist they use."""

from db.states import Role, TaskKind

# What a patient needs is decided by those who care for them, and by whoever was given the case.
CLINICAL_KINDS = frozenset(
    {
        TaskKind.ALERT,
        TaskKind.ESCALATION,
        TaskKind.EMERGENCY,
        TaskKind.DECLINED,
        TaskKind.HIGH_RISK_CANCELLED,
        TaskKind.HIGH_RISK_NOT_ENROLLED,
    }
)
CLINICAL_ROLES = frozenset({Role.PRACTITIONER, Role.CARE_COORDINATOR, Role.CLINICAL_LEAD})

# Kinds whose handling means speaking with the patient: while somebody does, no message crosses them.
CALLS = frozenset(
    {
        TaskKind.CALL,
        TaskKind.ALERT,
        TaskKind.ESCALATION,
        TaskKind.EMERGENCY,
        TaskKind.REPLY,
        TaskKind.CALL_REQUEST,
        TaskKind.BARRIER,
        TaskKind.HIGH_RISK_NOT_ENROLLED,
        TaskKind.HIGH_RISK_CANCELLED,
        TaskKind.DELIVERY_FAILED,
        TaskKind.BOUNCE,
    }
)


def may_act(role: Role, kind: TaskKind, *, given: bool) -> bool:
    """`given`: this very person has the case, is asked to take it, or is its fallback."""
    return given or kind not in CLINICAL_KINDS or role in CLINICAL_ROLES


def may_give_on(role: Role, kind: TaskKind, *, given: bool, left: bool) -> bool:
    """`left`: whoever has claimed the case is not there. Then the administration may bring it to somebody who gives
    care, which decides nothing about the patient; see `may_be_given`."""
    return may_act(role, kind, given=given) or (left and role is Role.ADMIN)


def may_be_given(role: Role, kind: TaskKind, *, by_right: bool) -> bool:
    """Whom a case may go to. `by_right`: whoever gives it may act on it, and so chooses freely."""
    return by_right or may_act(role, kind, given=False)
