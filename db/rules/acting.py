"""Who may act on which case, whichever face of the worklist they use."""

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


def may_act(role: Role, kind: TaskKind, *, given: bool) -> bool:
    """`given`: the case was assigned to this very person, or they are its fallback."""
    return given or kind not in CLINICAL_KINDS or role in CLINICAL_ROLES
