"""Who did it, as the journal names them."""

SYSTEM = "system"
PATIENT = "patient"
INTAKE = "intake"
INSTALLER = "installer"
GATEWAY = "gateway"
MAIL_SERVER = "mail_server"


def staff(ref: str) -> str:
    return f"staff:{ref}"
