"""The error of a file that cannot be imported at all."""

from db.errors import RepriseError


class IntakeRefused(RepriseError):
    """Nothing was imported. The text is one sentence; it never holds a cell of the file, only its headers."""
