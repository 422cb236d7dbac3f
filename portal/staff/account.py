"""My own account: language, recovery codes, sessions."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from db.changes.accounts import Answer, renew_recovery, set_language, sign_out_everywhere
from db.changes.security import SecurityEvent, log_security
from db.clock import now
from db.queries.accounts import account_facts
from portal.services import AnyRequest, services
from portal.staff import limits
from portal.staff.calm import SIGN_IN
from portal.staff.permissions import May, guard
from portal.staff.render import page, seeing
from portal.staff.session import SignedIn, form_of
from portal.staff.sign_in import STATUS
from portal.staff.store import Sessions, cookie, cookie_name
from portal.staff.words import languages, words_for

OWN = [guard(May.OWN_ACCOUNT)]
ACCOUNT = "/staff/account"


@get("/account", guards=OWN)
async def show_account(me: NamedDependency[SignedIn]) -> Response[str]:
    return await _account(me)


async def _account(me: SignedIn, answer: Answer | None = None) -> Response[str]:
    spoken = [(code, words_for(code).layout.language) for code in languages()]
    return page(
        "account",
        me,
        status=STATUS[answer] if answer else 200,
        facts=await account_facts(me.id),
        spoken=spoken,
        answer=answer,
    )


@post("/account/language", guards=OWN, status_code=200)
async def change_language(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    chosen = (await form_of(request)).get("language", "")
    if chosen in languages():
        await set_language(me.id, language=chosen, now=now())
    return seeing(ACCOUNT, notice="language_changed")


@post("/account/recovery", guards=OWN, status_code=200)
async def new_codes(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[str]:
    await limits.count_try(request, "codes")
    done = await renew_recovery(me.id, code=(await form_of(request)).get("code", "")[:40], now=now())
    if done.answer is not Answer.ACCEPTED:
        return await _account(me, done.answer)
    return page("recovery_codes", me, codes=done.recovery, to=ACCOUNT)


@post("/sign-out", guards=OWN, status_code=200)
async def sign_out(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    await log_security(me.practice.id, event=SecurityEvent.SIGNED_OUT, actor=me.hand.actor, now=now())
    return await _leave(request)


@post("/account/sign-out-everywhere", guards=OWN, status_code=200)
async def leave_everywhere(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    await sign_out_everywhere(me.id, now=now())
    return await _leave(request)


async def _leave(request: AnyRequest) -> Response[Any]:
    here = services(request)
    await Sessions(here.redis).end(request.cookies.get(cookie_name(here.config.base_url)))
    answer = seeing(SIGN_IN)
    answer.set_cookie(cookie(here.config.base_url, None))
    return answer


HANDLERS: list[Any] = [show_account, change_language, new_codes, sign_out, leave_everywhere]
