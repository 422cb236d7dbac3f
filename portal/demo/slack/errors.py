"""How Slack refuses: HTTP 200 with `ok: false`, a code, and sometimes the reasons in words."""

from collections.abc import Iterable, Sequence

from portal.demo.slack.shapes import JSON, Problem


class SlackError(Exception):
    def __init__(self, code: str, *, messages: Sequence[str] = (), **more: str | list[str]) -> None:
        super().__init__(code)
        self.code, self.messages, self.more = code, list(messages), more

    def body(self) -> JSON:
        told: JSON = {"ok": False, "error": self.code, **self.more}
        return {**told, "response_metadata": {"messages": self.messages}} if self.messages else told


def invalid_blocks(problems: Iterable[Problem]) -> SlackError:
    """As chat.* answers."""
    said = [str(problem) for problem in problems]
    return SlackError("invalid_blocks", messages=[f"[ERROR] {each}" for each in said], errors=said)


def invalid_arguments(*reasons: str) -> SlackError:
    """As views.* answers, and every method that misses something."""
    return SlackError("invalid_arguments", messages=[f"[ERROR] {each}" for each in reasons])


def missing_scope(needed: str, provided: Iterable[str]) -> SlackError:
    return SlackError("missing_scope", needed=needed, provided=",".join(sorted(provided)))
