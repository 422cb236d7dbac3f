"""What can go wrong between Reprise and Slack.

SlackProblem
├── Passing             the same may be asked again later
│   ├── SlackDown       no connection, or an answer that says nothing
│   ├── RateLimited     `retry_after` seconds, by Slack's wish
│   └── Ambiguous       handed over, and no answer, or one that says nothing: it may have been done
├── Shut                nothing is taken from this app any more, until somebody does something about it
│   ├── TokenRevoked
│   ├── AppRemoved
│   └── ScopeMissing
└── Refused             this one thing is refused
    ├── ChannelGone     archived, deleted, or the app was taken out of it
    ├── UserGone        deactivated, or unknown
    ├── MessageGone     deleted, or no longer to be edited
    └── TooLong         longer than Slack takes, or of a form that it does not take

`code` is Slack's own word, or ours where it said none. None of them holds anything of what was sent.
"""

from db.errors import RepriseError


class SlackProblem(RepriseError):
    """Base of what Slack answers instead of yes."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack: {code}")
        self.code = code


class Passing(SlackProblem):
    """It may go later."""


class SlackDown(Passing):
    """Nothing was done, as far as anybody knows."""


class RateLimited(Passing):
    """Slack wants to be left alone for `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class Ambiguous(Passing):
    """It was handed over and no answer came."""


class Shut(SlackProblem):
    """Nothing of this practice is taken any more."""


class TokenRevoked(Shut):
    """The token is not good, or not any more."""


class AppRemoved(Shut):
    """The workspace has removed the app."""


class ScopeMissing(Shut):
    """The app was not given a permission that it needs."""


class Refused(SlackProblem):
    """Slack does not do this one thing."""


class ChannelGone(Refused):
    """Nothing can be written there."""


class UserGone(Refused):
    """Nobody reads there."""


class MessageGone(Refused):
    """There is nothing to change any more."""


class TooLong(Refused):
    """Slack does not take it in this form."""


KINDS: dict[type[SlackProblem], tuple[str, ...]] = {
    TokenRevoked: ("token_revoked", "invalid_auth", "not_authed", "token_expired", "not_allowed_token_type"),
    AppRemoved: ("account_inactive", "app_uninstalled", "team_access_not_granted", "org_login_required"),
    ScopeMissing: ("missing_scope", "no_permission", "ekm_access_denied", "access_denied", "restricted_action"),
    ChannelGone: (
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "channel_is_limited_access",
        "restricted_action_read_only_channel",
    ),
    UserGone: (
        "user_not_found",
        "users_not_found",
        "user_disabled",
        "user_not_visible",
        "user_not_in_channel",
        "cannot_dm_bot",
        "invalid_user_combination",
    ),
    MessageGone: ("message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "not_found"),
    TooLong: (
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_blocks",
        "invalid_blocks_format",
        "view_too_large",
        "invalid_arguments",
    ),
    # Slack says of these that a part may have been done.
    Ambiguous: ("fatal_error", "internal_error", "request_timeout", "no_answer"),
    SlackDown: (
        "unreachable",
        "slow",
        "service_unavailable",
        "team_added_to_org",
        "accesslimited",
        "message_limit_exceeded",
    ),
}
_BY_CODE = {code: kind for kind, codes in KINDS.items() for code in codes}


def problem_of(code: str, *, retry_after: float | None = None) -> SlackProblem:
    """By Slack's own word, or ours for an answer without any."""
    if code.startswith("http_"):
        return SlackDown(code)
    if code in ("ratelimited", "rate_limited"):
        return RateLimited(retry_after if retry_after is not None else 1.0)
    return _BY_CODE.get(code, Refused)(code)
