"""Textes: the practice's own words. One grid of all texts, and the editor of each.

Everything that a form leads to works without a script; with one, the right-hand side follows the typing.
"""

from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.response import Redirect

from db.changes.rehearsals import Audience, Said, start_rehearsal
from db.changes.tones import (
    Saved,
    discard_draft,
    publish_draft,
    restore_version,
    return_to_shipped,
    save_draft,
)
from db.clock import now
from db.errors import ConfigurationError, NotFound, Outdated, Overtaken, Refused
from db.queries.practices import sending
from db.queries.rehearsals import mailbox_of
from db.queries.tones import TextKey, live_texts, text_history
from db.rules.rehearsing import RehearsedStep
from db.rules.telephones import TelephoneKind
from db.rules.telephones import read as read_telephone
from db.rules.windows import local_day
from db.states import Channel
from jobs.delivery.access import gateway_settings, smtp_settings
from jobs.messages.editing import starts_at
from portal.forms.texts import TextForm, text_form, version_number
from portal.services import AnyRequest
from portal.staff.calm import is_swap
from portal.staff.permissions import May, guard
from portal.staff.render import page, seeing
from portal.staff.session import SignedIn, form_of
from portal.staff.text_frame import CSS
from portal.staff.text_kept import KEPT
from portal.staff.text_page import OpenText, editor, look, open_text, version_page
from portal.staff.text_views import address, editable, grid, specialities

AT = "/texts/{message:str}/{channel:str}/{speciality:str}/{language:str}"
# Far more than a text may have, and every letter may travel as nine signs: whoever pastes a whole document is told how
# long a text may be, and finds their words still there.
LARGE_BODY = 1_048_576
AT_ONCE = timedelta(0)

Answer = Response[str] | Redirect


def _key(message: FromPath[str], channel: FromPath[str], speciality: FromPath[str], language: FromPath[str]) -> TextKey:
    key = TextKey(message, channel, speciality, language)
    if key not in editable():
        raise NotFound("There is no such text.")
    return key


KEY = {"key": Provide(_key, sync_to_thread=False)}
SEE, EDIT = [guard(May.SEE_TEXTS)], [guard(May.EDIT_TEXTS)]
TAKES_A_TEXT: dict[str, Any] = {
    "guards": EDIT,
    "dependencies": KEY,
    "status_code": 200,
    "request_max_body_size": LARGE_BODY,
    **KEPT,
}


@get("/texts", guards=SEE)
async def show_texts(me: NamedDependency[SignedIn]) -> Response[str]:
    live = await live_texts(me.practice.id)
    return page(
        "texts",
        me,
        texts_css=CSS,
        groups=grid(live, strict=me.practice.settings.strict),
        specialities=specialities(),
        strict=me.practice.settings.strict,
    )


@get(AT, guards=SEE, dependencies=KEY)
async def show_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Response[str]:
    text = await open_text(request, me, key)
    return editor(text, text.as_form(), told=me.notice)


@get(f"{AT}/versions/{{number:int}}", guards=SEE, dependencies=KEY)
async def show_version(
    request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey], number: FromPath[int]
) -> Response[str]:
    text = await open_text(request, me, key)
    version = text.history.numbered(number)
    if version is None:
        raise NotFound("This text has no such version.")
    return version_page(text, version)


@post(f"{AT}/preview", **TAKES_A_TEXT)
async def preview_text(
    request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]
) -> Response[str]:
    """Changes nothing."""
    text, form = await _written(request, me, key)
    if is_swap(request):
        return look(text, form)
    return editor(text, form)


@post(f"{AT}/save", **TAKES_A_TEXT)
async def save_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Answer:
    text, form = await _written(request, me, key)
    if form.too_long:
        return editor(text, form, status=422, problem=f"{form.too_long[0]}_too_long")
    if text.history.draft is None and form.words == text.standing:
        return seeing(address(key), notice="unchanged")
    try:
        await _save(text, form)
    except Outdated as problem:
        return await _overtaken(request, text, form, problem)
    return seeing(address(key), notice="draft_saved")


@post(f"{AT}/publish", **TAKES_A_TEXT)
async def publish_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Answer:
    """What stands in the form, not what was saved before it. The linter's warnings do not stop it; its errors do."""
    text, form = await _written(request, me, key)
    if form.too_long:
        return editor(text, form, status=422, problem=f"{form.too_long[0]}_too_long")
    try:
        if form.words == text.leaving:
            # No version of its own for words that leave already; a draft that came back to them is done with.
            await discard_draft(key, practice=me.practice.id, seen=form.seen, by=me.hand, now=now())
            return seeing(address(key), notice="already")
        if not text.look(form).may_leave:
            return editor(text, form, status=422, problem="has_errors")
        saved = await _save(text, form)
        await publish_draft(key, practice=me.practice.id, seen=saved.mark, by=me.hand, now=now())
    except Outdated as problem:
        return await _overtaken(request, text, form, problem)
    return seeing(address(key), notice="published")


@post(f"{AT}/send", **TAKES_A_TEXT)
async def send_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Response[str]:
    """To whoever writes it, as it stands in the form, marked as a rehearsal."""
    text, form = await _written(request, me, key)
    if form.too_long:
        return editor(text, form, status=422, problem=f"{form.too_long[0]}_too_long")
    if not text.look(form).may_leave:
        return editor(text, form, status=422, problem="not_sent_errors")
    try:
        to = await _audience(text, form)
        if to is None:
            return editor(text, form, status=422, problem="no_mobile")
        await _send(text, form, to)
    except (Refused, ConfigurationError):
        return editor(text, form, status=409, problem="not_sent")
    return editor(text, form, told="sent_by_sms" if to.phone else "sent_by_email")


@post(f"{AT}/discard", guards=EDIT, dependencies=KEY, status_code=200)
async def discard_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Answer:
    seen = (await form_of(request)).get("seen", "")
    try:
        await discard_draft(key, practice=me.practice.id, seen=seen, by=me.hand, now=now())
    except Outdated as problem:
        return await _changed(request, me, key, problem)
    return seeing(address(key), notice="discarded")


@post(f"{AT}/shipped", guards=EDIT, dependencies=KEY, status_code=200)
async def take_back_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Answer:
    seen = (await form_of(request)).get("seen", "")
    try:
        await return_to_shipped(key, practice=me.practice.id, seen=seen, by=me.hand, now=now())
    except Outdated as problem:
        return await _changed(request, me, key, problem)
    return seeing(address(key), notice="shipped_again")


@post(f"{AT}/restore", guards=EDIT, dependencies=KEY, status_code=200)
async def restore_text(request: AnyRequest, me: NamedDependency[SignedIn], key: NamedDependency[TextKey]) -> Answer:
    fields = await form_of(request)
    number = version_number(fields)
    if number is None:
        raise NotFound("This text has no such version.")
    try:
        await restore_version(
            key, practice=me.practice.id, version=number, seen=fields.get("seen", ""), by=me.hand, now=now()
        )
    except Outdated as problem:
        return await _changed(request, me, key, problem)
    return seeing(address(key), notice="restored")


async def _written(request: AnyRequest, me: SignedIn, key: TextKey) -> tuple[OpenText, TextForm]:
    form = text_form(await form_of(request), has_subject=key.channel == Channel.EMAIL)
    return await open_text(request, me, key), form


async def _save(text: OpenText, form: TextForm) -> Saved:
    me = text.me
    return await save_draft(text.key, practice=me.practice.id, words=form.words, seen=form.seen, by=me.hand, now=now())


async def _overtaken(request: AnyRequest, text: OpenText, form: TextForm, problem: Outdated) -> Response[str]:
    """Nothing was written over: both texts are shown, and a second save is a decision."""
    history = await text_history(text.me.practice.id, text.key)
    fresh = TextForm(form.words, history.mark, form.first_name, form.slots_soon, form.phone)
    again = await open_text(request, text.me, text.key)
    by = problem.by if isinstance(problem, Overtaken) else ""
    return editor(again, fresh, status=409, problem="overtaken", by=by)


async def _changed(request: AnyRequest, me: SignedIn, key: TextKey, problem: Outdated) -> Response[str]:
    text = await open_text(request, me, key)
    by = problem.by if isinstance(problem, Overtaken) else ""
    return editor(text, text.as_form(), status=409, problem="changed_meanwhile", by=by)


async def _audience(text: OpenText, form: TextForm) -> Audience | None:
    """None where the number is no mobile one."""
    access = await sending(text.me.practice.id)
    if text.is_email:
        smtp_settings(access)
        return Audience(email=await mailbox_of(text.me.practice.id, text.me.id))
    gateway_settings(access)
    number = read_telephone(form.phone, text.me.practice.country)
    if number is None or number.kind is not TelephoneKind.MOBILE:
        return None
    return Audience(phone=number.e164)


async def _send(text: OpenText, form: TextForm, to: Audience) -> None:
    me, key = text.me, text.key
    said = Said(
        form.first_name,
        key.speciality,
        key.language,
        local_day(text.scene.missed_at, me.practice.calendar),
        words=form.words,
        starts_at=starts_at(text.scene),
    )
    step = RehearsedStep(0, AT_ONCE, key.message, Channel(key.channel))
    await start_rehearsal(me.practice, plan=key.message, steps=[step], to=to, said=said, actor=me.hand.actor, now=now())


HANDLERS = [
    show_texts,
    show_text,
    show_version,
    preview_text,
    save_text,
    publish_text,
    send_text,
    discard_text,
    take_back_text,
    restore_text,
]
