"""Who did it, as the journal names them."""

from dataclasses import dataclass

SYSTEM = "system"
PATIENT = "patient"
INTAKE = "intake"
INSTALLER = "installer"
GATEWAY = "gateway"
MAIL_SERVER = "mail_server"


def staff(ref: str) -> str:
    return f"staff:{ref}"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts: `staff` is the row of a member of staff, None for the terminal of the installation."""

    actor: str
    staff: int | None = None
