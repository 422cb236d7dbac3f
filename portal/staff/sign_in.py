"""The way in: an email address, a one-time link, a code. Until the code was right there is no session.

A GET changes nothing, whoever sends it: mail scanners open every link that they see.
"""

import asyncio
from typing import Any

import segno
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from db.changes.accounts import Answer, enrol_factor, request_link, use_code, use_link
from db.clock import now
from db.errors import NotFound
from db.queries.accounts import LINK_PATH, member, pending_factor
from db.rules import emails
from db.rules.second_factor import address_of
from db.tokens import BadSignature, sign_ins
from portal.services import AnyRequest, services
from portal.staff import limits
from portal.staff.calm import SIGN_IN, own_page, words_of
from portal.staff.problems import NotSignedIn
from portal.staff.render import csrf_input, plain_page
from portal.staff.session import check_form, form_of, is_over
from portal.staff.store import Session, Sessions, Stage, cookie, cookie_name

HOME = "/staff/today"
# Every answer to an address takes as long, whether somebody works here or not.
ANSWER_SECONDS = 0.25
LONGEST_EMAIL = 254
STATUS = {Answer.WRONG: 400, Answer.LOCKED: 429}


@get("/sign-in")
async def ask_for_address(request: AnyRequest, to: FromQuery[str] = "") -> Response[str]:
    return plain_page("sign_in", words_of(request), to=own_page(to), wrong=False)


@post("/sign-in", status_code=200)
async def send_link(request: AnyRequest) -> Response[Any]:
    """The same answer whoever asks."""
    form = await form_of(request)
    to = own_page(form.get("to", ""))
    email = emails.read(form.get("email", "").strip()[:LONGEST_EMAIL])
    if email is None:
        return plain_page("sign_in", words_of(request), status=400, to=to, wrong=True)
    await limits.count_try(request, "links", most=limits.MOST_LINKS_BY_ADDRESS)
    await asyncio.gather(_ask(request, email, to), asyncio.sleep(ANSWER_SECONDS))
    return Redirect(f"{SIGN_IN}/sent", status_code=303)


async def _ask(request: AnyRequest, email: str, to: str) -> None:
    sparing = not await limits.may_have_link(request, email)
    await request_link(email, to=to, sparing=sparing, now=now())


@get("/sign-in/sent")
async def link_sent(request: AnyRequest) -> Response[str]:
    return plain_page("sign_in_sent", words_of(request))


@get("/sign-in/link/{token:str}")
async def show_link(request: AnyRequest, token: FromPath[str], to: FromQuery[str] = "") -> Response[str]:
    if await _nonce(request, token) is None:
        return _over(request)
    return plain_page("sign_in_link", words_of(request), action=LINK_PATH + token, to=own_page(to))


@post("/sign-in/link/{token:str}", status_code=200)
async def follow_link(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    nonce = await _nonce(request, token)
    if nonce is None:
        return _over(request)
    at = now()
    try:
        used = await use_link(nonce, now=at)
    except NotFound:
        await limits.count_try(request, "dead-links")
        return _over(request)
    here, stage = services(request), Stage.ENROL if used.enrols else Stage.CODE
    to = own_page((await form_of(request)).get("to", ""))
    fresh = await Sessions(here.redis).begin(used.staff, stage, now=at, to=to, old=_cookie(request))
    return Redirect(f"{SIGN_IN}/{stage}", status_code=303, cookies=[cookie(here.config.base_url, fresh)])


async def _nonce(request: AnyRequest, token: str) -> str | None:
    try:
        return sign_ins().read(token)
    except BadSignature:
        await limits.count_try(request, "dead-links")
        return None


def _over(request: AnyRequest) -> Response[str]:
    return plain_page("sign_in_over", words_of(request), status=404)


@get("/sign-in/enrol")
async def show_secret(request: AnyRequest) -> Response[str]:
    return await _enrol_page(request, await _half(request, Stage.ENROL))


@post("/sign-in/enrol", status_code=200)
async def confirm_secret(request: AnyRequest) -> Response[Any]:
    half = await _half(request, Stage.ENROL)
    await check_form(request, half.csrf)
    await limits.count_try(request, "codes")
    at = now()
    done = await enrol_factor(half.staff, code=_code(await form_of(request)), now=at)
    if done.answer is not Answer.ACCEPTED:
        return await _enrol_page(request, half, done.answer)
    answer = plain_page("recovery_codes", words_of(request), codes=done.recovery, to=half.to or HOME)
    answer.set_cookie(await begin(request, half.staff))
    return answer


async def _enrol_page(request: AnyRequest, half: Session, answer: Answer | None = None) -> Response[str]:
    person, pending = await member(half.staff), await pending_factor(half.staff)
    if person is None or pending is None:
        raise NotSignedIn
    address = address_of(pending.secret, account=pending.account, practice=person.practice.discreet_name)
    return plain_page(
        "enrol",
        words_of(request),
        status=STATUS[answer] if answer else 200,
        answer=answer,
        picture=segno.make(address, error="m").svg_data_uri(scale=6, border=3, light="#fff"),
        secret=" ".join(pending.secret[at : at + 4] for at in range(0, len(pending.secret), 4)),
        csrf_input=csrf_input(half.csrf),
    )


@get("/sign-in/code")
async def ask_for_code(request: AnyRequest) -> Response[str]:
    return _code_page(request, await _half(request, Stage.CODE))


@post("/sign-in/code", status_code=200)
async def check_code(request: AnyRequest) -> Response[Any]:
    half = await _half(request, Stage.CODE)
    await check_form(request, half.csrf)
    await limits.count_try(request, "codes")
    answer = await use_code(half.staff, code=_code(await form_of(request)), now=now())
    if answer is not Answer.ACCEPTED:
        return _code_page(request, half, answer)
    return Redirect(half.to or HOME, status_code=303, cookies=[await begin(request, half.staff)])


def _code_page(request: AnyRequest, half: Session, answer: Answer | None = None) -> Response[str]:
    return plain_page(
        "code",
        words_of(request),
        status=STATUS[answer] if answer else 200,
        answer=answer,
        csrf_input=csrf_input(half.csrf),
    )


def _code(form: dict[str, str]) -> str:
    return form.get("code", "")[:40]


def _cookie(request: AnyRequest) -> str | None:
    return request.cookies.get(cookie_name(services(request).config.base_url))


async def _half(request: AnyRequest, stage: Stage) -> Session:
    session = await Sessions(services(request).redis).find(_cookie(request))
    if session is None or session.stage is not stage:
        raise NotSignedIn
    person = await member(session.staff)
    if person is None or is_over(session, person):
        raise NotSignedIn
    return session


async def begin(request: AnyRequest, staff: int) -> Any:
    """The cookie of a new session, under an id that nobody knew before; the one that the browser brought is over."""
    here, person = services(request), await member(staff)
    if person is None:
        raise NotSignedIn
    sessions = Sessions(here.redis)
    fresh = await sessions.begin(staff, Stage.FULL, now=now(), role=person.role, old=_cookie(request))
    return cookie(here.config.base_url, fresh)


HANDLERS: list[Any] = [
    ask_for_address,
    send_link,
    link_sent,
    show_link,
    follow_link,
    show_secret,
    confirm_secret,
    ask_for_code,
    check_code,
]
