"""Bringing each case's message at Slack up to date: claimed, written with no transaction open, settled.

Whatever Slack answers, the case stays in the staff pages, and whoever should hear of it hears by email: at once where
Slack refuses for good, after two minutes where it only does not answer.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.access import SlackAccess, slack_access
from bot.blocks.case import Said, case_message, elsewhere_message, notice_message, thread_message
from bot.client import SlackClient
from bot.errors import (
    Ambiguous,
    ChannelGone,
    MessageGone,
    Passing,
    RateLimited,
    Refused,
    Shut,
    SlackDown,
    SlackProblem,
    UserGone,
)
from db import clock
from db.changes.slack_posts import (
    ClaimedPost,
    PostSettled,
    claim_posts,
    fall_back_on_email,
    give_back_posts,
    settle_post,
)
from db.errors import ConfigurationError
from db.queries.practices import Profile, practice, sending
from db.queries.slack import CaseAtSlack, Notice, case_at_slack, slack_practices
from db.queries.team import closed_days
from db.queries.words import Words, words
from db.rules.windows import local_day, next_opening
from db.states import TaskStatus

log = structlog.get_logger()

AT_ONCE = 8
# As many as are surely written within a lease, even by a Slack that takes its time.
CLAIMED_AT_ONCE = 2 * AT_ONCE
TURN_S = 30.0
# After so many seconds nothing more is begun for a case: its lease is sixty.
BUDGET_S = 25.0
FIRST_WAIT, LONGEST_WAIT, LONGEST_HOLD = timedelta(seconds=2), timedelta(minutes=5), timedelta(minutes=1)
MOST_AGAIN = 3
GONE_FOR = timedelta(minutes=5)
# So long a channel that was archived may come back and still show how a case ended.
WORTH_CLOSING = timedelta(days=2)
PERSON = "person"


@dataclass
class SlackDesk:
    """One practice at Slack, in one worker. `held_until`: Slack wants to be left alone, or takes nothing at all; then
    one case alone is tried when that is over, and when it goes through, all the others."""

    profile: Profile
    access: SlackAccess
    base_url: str
    client: SlackClient
    held_until: datetime | None = None
    failures: int = 0
    _direct: dict[str, str] = field(default_factory=dict)
    _gone: dict[str, datetime] = field(default_factory=dict)

    async def catch_up(self, keep_going: Callable[[], bool]) -> int:
        """Returns how many cases were looked at."""
        await give_back_posts(self.profile.id, now=clock.now())
        done, seen = 0, Counter[int]()
        while keep_going() and not self._is_held():
            limit = 1 if self.failures else CLAIMED_AT_ONCE
            # One new message of those that may wait, and then the next second's turn.
            claimed = await claim_posts(self.profile.id, limit=limit, unhurried=not done, now=clock.now())
            seen.update(one.id for one in claimed)
            if not claimed:
                break
            turns = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._bring(one, turns) for one in claimed))
            done += len(claimed)
            if min(seen[one.id] for one in claimed) > MOST_AGAIN:
                # Changed again and again, or something cannot be said: not now.
                break
        return done

    def _is_held(self) -> bool:
        return self.held_until is not None and clock.now() < self.held_until

    async def _bring(self, one: ClaimedPost, turns: asyncio.Semaphore) -> None:
        async with turns:
            now = clock.now()
            case = await case_at_slack(one.task, after=one.threaded, now=now)
            work = _Work(self, one, case, now)
            problem: SlackProblem | None = None
            try:
                await work.do()
            except SlackProblem as found:
                problem = found
            await settle_post(self._settled(work, problem), practice=self.profile.id, now=clock.now())
            await self._learn(problem)

    def _settled(self, work: "_Work", problem: SlackProblem | None) -> PostSettled:
        return PostSettled(
            post=work.post,
            channel=work.channel,
            ts=work.ts,
            threaded=work.threaded,
            is_new=work.is_new,
            ambiguous=isinstance(problem, Ambiguous) and work.ts is None,
            told=tuple(work.told),
            error=problem.code[:60] if problem is not None else work.unread,
            failed=problem is not None,
            again_at=work.again_at if problem is None else clock.now() + _wait(work.post.attempts, problem),
            lasting=work.lasting or (problem is not None and not isinstance(problem, Passing)),
        )

    async def _learn(self, problem: SlackProblem | None) -> None:
        """What one case says of Slack as a whole."""
        if problem is None:
            self.failures, self.held_until = 0, None
            return
        log.warning("slack_refused", practice=self.profile.id, code=problem.code, kind=type(problem).__name__)
        if isinstance(problem, RateLimited):
            self.held_until = _later(self.held_until, clock.now() + timedelta(seconds=problem.retry_after))
        elif isinstance(problem, Passing | Shut):
            self.failures += 1
            self.held_until = _later(self.held_until, clock.now() + min(_doubled(self.failures), LONGEST_HOLD))
        if isinstance(problem, Shut):
            await fall_back_on_email(self.profile.id, now=clock.now())

    def forget(self, channel: str) -> None:
        """Somebody's direct messages are not there any more: Slack is asked for them anew."""
        self._direct = {user: known for user, known in self._direct.items() if known != channel}

    async def direct(self, user: str, *, known: str | None = None) -> str:
        """The channel of somebody's direct messages. What is new is never written to somebody who was deactivated, so
        Slack is asked each time, unless it is the channel `known`, where the message stands already."""
        if known is not None and self._direct.get(user) == known:
            return known
        if user in self._gone and clock.now() < self._gone[user]:
            raise UserGone("user_disabled")
        try:
            found = self._direct[user] = await self.client.direct(user)
        except UserGone:
            self._gone[user] = clock.now() + GONE_FOR
            self._direct.pop(user, None)
            raise
        return found


def _doubled(times: int) -> timedelta:
    return FIRST_WAIT * (1 << min(times - 1, 10))


def _wait(attempts: int, problem: SlackProblem) -> timedelta:
    if isinstance(problem, RateLimited):
        return timedelta(seconds=problem.retry_after)
    return min(_doubled(max(attempts, 1)), LONGEST_HOLD if isinstance(problem, Passing | Shut) else LONGEST_WAIT)


def _later(known: datetime | None, found: datetime) -> datetime:
    return found if known is None else max(known, found)


@dataclass
class _Work:
    """One case under way; what was achieved counts, whatever Slack refuses after it."""

    desk: SlackDesk
    post: ClaimedPost
    case: CaseAtSlack
    now: datetime
    channel: str | None = field(init=False)
    ts: str | None = field(init=False)
    threaded: int | None = field(init=False)
    is_new: bool = False
    lasting: bool = False
    # Slack's word for why somebody does not read what is written for them.
    unread: str | None = None
    wait_until: datetime | None = None
    told: list[int] = field(default_factory=list)
    _ends: float = field(default_factory=lambda: time.monotonic() + BUDGET_S)

    def __post_init__(self) -> None:
        self.channel, self.ts, self.threaded = self.post.channel, self.post.ts, self.post.threaded

    @property
    def again_at(self) -> datetime | None:
        """When to look at it once more though all went well; whoever was deactivated may be back."""
        moments = [self.wait_until, self.now + GONE_FOR if self.unread is not None else None]
        return min((one for one in moments if one is not None), default=None)

    async def do(self) -> None:
        if self.ts is None and not self.case.card.is_open:
            # It is over before Slack ever heard of it.
            return
        await self._stand()
        if self.ts is not None:
            await self._thread()
            await self._notices()

    async def _stand(self) -> None:
        """The message, as the case is now, where it belongs now. That of a closed case stays where it is."""
        place = self.channel if self._stays else await self._place()
        assert place is not None
        opening = await self._opening()
        if self.ts is not None and (place == self.channel or opening is not None):
            if await self._rewrite(place):
                self.wait_until = opening if place != self.channel else None
                return
            if not self.case.card.is_open:
                return
        if opening is not None:
            self.wait_until = opening
            return
        await self._write_new(place)

    @property
    def _stays(self) -> bool:
        return self.ts is not None and not self.case.card.is_open

    async def _place(self) -> str:
        desk, assignee = self.desk, self.case.card.assignee
        if desk.access.route != PERSON or assignee is None or assignee.slack is None:
            return desk.access.channel
        try:
            return await desk.direct(assignee.slack, known=self.channel)
        except UserGone as gone:
            self.lasting, self.unread = True, gone.code
            return desk.access.channel

    async def _opening(self) -> datetime | None:
        """When somebody may be disturbed; None for now. Whoever has claimed it is at work on it."""
        if self.case.crisis or self.case.card.status is TaskStatus.CLAIMED:
            return None
        profile = self.desk.profile
        closed = await closed_days(profile.id, since=local_day(self.now, profile.calendar))
        opening = next_opening(self.now, profile.on_call(self.case.role, closed))
        return opening if opening > self.now else None

    async def _rewrite(self, place: str) -> bool:
        """False where there is nothing any more to write anew."""
        assert self.channel is not None
        assert self.ts is not None
        said = self._said(self.channel)
        try:
            await self.desk.client.update(self.channel, self.ts, said.text, said.blocks)
        except MessageGone:
            self.channel = self.ts = None
            return False
        except ChannelGone:
            if place == self.channel and not self._is_long_over:
                # It stands there still, and comes back with the channel: a second one would tell the case twice.
                self.desk.forget(place)
                raise
            self.channel = self.ts = None
            return False
        return True

    @property
    def _is_long_over(self) -> bool:
        if self.case.card.is_open:
            return False
        return self.case.closed_at is None or self.now - self.case.closed_at > WORTH_CLOSING

    async def _write_new(self, place: str) -> None:
        """Where the message stood before, a word that it does no longer: first, so that no two ever tell the case."""
        if self.channel is not None and self.ts is not None:
            said = elsewhere_message(self.case.card.ref, self._words(self.channel))
            try:
                await self.desk.client.update(self.channel, self.ts, said.text, said.blocks)
            except Refused:
                log.info("slack_message_gone", practice=self.desk.profile.id)
            self.channel = self.ts = None
        self._in_time()
        said = self._said(place)
        posted = await self.desk.client.post(place, said.text, said.blocks)
        self.channel, self.ts, self.is_new = posted.channel, posted.ts, True
        if self.post.ts is None:
            # A thread begins with what comes next: nobody wants history replayed.
            self.threaded = self.case.last_line
            await self._tell_of_emails()

    async def _thread(self) -> None:
        assert self.channel is not None
        if self.threaded == self.case.last_line:
            return
        said = thread_message(self.case.card, self.case.lines, self._words(self.channel))
        if said is not None:
            # What nobody did by hand is no reason to disturb anybody either.
            automatic = all(line.who is None for line in self.case.lines)
            if automatic and (opening := await self._opening()) is not None:
                self.wait_until = opening
                return
            self._in_time()
            await self.desk.client.post(self.channel, said.text, said.blocks, thread_ts=self.ts)
        self.threaded = self.case.last_line

    async def _tell_of_emails(self) -> None:
        """Slack was away, and somebody knows of the case already."""
        said = thread_message(self.case.card, self.case.emailed, self._words(self.channel or ""))
        if said is not None and self.channel is not None:
            await self.desk.client.post(self.channel, said.text, said.blocks, thread_ts=self.ts)

    async def _notices(self) -> None:
        for notice in self.case.notices:
            if self._is_told_by_the_message(notice):
                self.told.append(notice.delivery)
            elif self.case.card.is_open:
                await self._tell(notice)

    def _is_told_by_the_message(self, notice: Notice) -> bool:
        """It was posted since, to that very person: in their direct messages, or naming them."""
        posted_at = self.now if self.is_new else self.case.posted_at
        return notice.to_assignee and not self.lasting and posted_at is not None and posted_at >= notice.since

    async def _tell(self, notice: Notice) -> None:
        self._in_time()
        client = self.desk.client
        try:
            direct = await self.desk.direct(notice.slack)
        except UserGone as gone:
            self.lasting, self.unread = True, gone.code
            return
        assert self.channel is not None
        assert self.ts is not None
        visible = self.channel in (direct, self.desk.access.channel)
        link = await client.permalink(self.channel, self.ts) if visible else None
        base_url = self.desk.base_url
        said = notice_message(self.case.card, notice.occasion, words(notice.language), base_url=base_url, link=link)
        await client.post(direct, said.text, said.blocks)
        self.told.append(notice.delivery)

    def _said(self, channel: str) -> Said:
        return case_message(self.case.card, self._words(channel), base_url=self.desk.base_url)

    def _words(self, channel: str) -> Words:
        """In a person's own language where they alone read it."""
        is_shared = channel == self.desk.access.channel
        return words(self.desk.profile.language if is_shared else self.case.language)

    def _in_time(self) -> None:
        if time.monotonic() > self._ends:
            raise SlackDown("slow")


@dataclass
class SlackRound:
    """One worker's desks at Slack, by practice; renewed when the access changes."""

    base_url: str
    stopping: Callable[[], bool] = lambda: False
    _desks: dict[int, SlackDesk] = field(default_factory=dict)
    _busy: set[int] = field(default_factory=set)

    async def catch_up(self) -> int:
        """Write everything that is due; returns how many cases were looked at. A practice that an earlier tick is still
        busy with is left to it."""
        free = [one for one in await slack_practices() if one not in self._busy]
        return sum(await asyncio.gather(*(self._serve(one) for one in free)))

    async def _serve(self, practice_id: int) -> int:
        self._busy.add(practice_id)
        ends = time.monotonic() + TURN_S
        try:
            desk = await self._desk(practice_id)
            if desk is None:
                return 0
            return await desk.catch_up(lambda: time.monotonic() < ends and not self.stopping())
        except ConfigurationError as problem:
            log.error("practice_without_slack", practice=practice_id, problem=str(problem))
            return 0
        finally:
            self._busy.discard(practice_id)

    async def _desk(self, practice_id: int) -> SlackDesk | None:
        profile, access = await practice(practice_id), slack_access(await sending(practice_id))
        known = self._desks.get(practice_id)
        if known is not None and known.access != access:
            del self._desks[practice_id]
            await known.client.close()
            known = None
        if known is None and access is not None:
            known = self._desks[practice_id] = SlackDesk(profile, access, self.base_url, SlackClient(access))
        if known is not None:
            known.profile = profile
        return known

    async def close(self) -> None:
        for desk in self._desks.values():
            await desk.client.close()
