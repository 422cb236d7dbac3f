"""What may go wrong on a staff page, and the calm page that says so.

NotSignedIn     no session, or one that is over: to the sign-in page
NotAllowed      the role may not do this
ForeignForm     a form without this session's token, or from another site
TooManyTries    this address asks too often
"""


class NotSignedIn(Exception):
    """There is no session, or it is over."""


class NotAllowed(Exception):
    """The role of whoever asks does not cover this."""


class ForeignForm(Exception):
    """What was posted does not come from a page of this session."""


class TooManyTries(Exception):
    """This address, or this account, has tried too often."""
