"""The editor of one text: what it is made of, however the page is come to."""

from dataclasses import dataclass, field
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response

from db.clock import now
from db.errors import ConfigurationError
from db.queries.practices import sending
from db.queries.tones import History, TextKey, TextWords, Version, text_history
from db.rules.windows import at_local_time, local_day
from db.states import Channel
from jobs.delivery.access import sender_name
from jobs.delivery.answers import takes_answers
from jobs.messages.catalogue import GENERAL, Key, Wording, shipped
from jobs.messages.edited import edited_texts
from jobs.messages.editing import Looked, look_over, values_of
from jobs.messages.lint.findings import Finding
from jobs.messages.preview import Scene
from portal.forms.texts import TextForm
from portal.services import AnyRequest, services
from portal.staff.permissions import May, may
from portal.staff.render import page, partial
from portal.staff.session import SignedIn
from portal.staff.text_frame import CSS, HEADERS
from portal.staff.text_views import (
    Remark,
    address,
    compare,
    pieces,
    placeholders,
    remarks,
    specialities,
    standing,
    state_of,
    text_languages,
)
from portal.staff.words import words_for

MISSED_AT = time(10)


@dataclass(frozen=True, slots=True)
class OpenText:
    """`usual` is what leaves without words of the practice's own under this key."""

    key: TextKey
    me: SignedIn
    history: History
    usual: TextWords
    scene: Scene
    sender: str = field(repr=False)

    @property
    def is_email(self) -> bool:
        return self.key.channel == Channel.EMAIL

    @property
    def standing(self) -> TextWords:
        """What is being written, else what leaves today."""
        newest = self.history.draft or self.history.published
        return newest.words if newest is not None else self.usual

    @property
    def leaving(self) -> TextWords:
        return self.history.published.words if self.history.published is not None else self.usual

    def as_form(self) -> TextForm:
        return TextForm(self.standing, self.history.mark)

    def look(self, form: TextForm) -> Looked:
        """With the first name that the form asks for. A text beyond all measure is not read."""
        if form.too_long:
            return self._too_long(form)
        return look_over(
            Key(*self.key),
            Wording(form.words.body, form.words.subject),
            self.scene_for(form),
            reader=self.me.language,
            slots_soon=form.slots_soon,
        )

    def _too_long(self, form: TextForm) -> Looked:
        said = words_for(self.me.language).text_problems
        found = {
            name: (Finding(0, 0, "text.length", "error", getattr(said, f"{name}_too_long")),) for name in form.too_long
        }
        return Looked(body=found.get("body", ()), subject=found.get("subject", ()))

    def scene_for(self, form: TextForm) -> Scene:
        one = self.scene
        return Scene(
            one.practice, one.base_url, one.receives, form.first_name, one.speciality, one.language, one.missed_at
        )


async def open_text(request: AnyRequest, me: SignedIn, key: TextKey) -> OpenText:
    practice = me.practice
    missed_at = at_local_time(local_day(now(), practice.calendar), MISSED_AT, practice.calendar)
    return OpenText(
        key=key,
        me=me,
        history=await text_history(practice.id, key),
        usual=await _usual(practice.id, key),
        scene=Scene(
            practice,
            services(request).config.base_url,
            await takes_answers(practice.id),
            "",
            key.speciality,
            key.language,
            missed_at,
        ),
        sender=await _sender(me, key),
    )


async def _usual(practice: int, key: TextKey) -> TextWords:
    own = shipped().shipped.get(Key(*key))
    wording = own or standing(TextKey(key.message, key.channel, GENERAL, key.language), await edited_texts(practice))
    return TextWords(wording.body, wording.subject)


async def _sender(me: SignedIn, key: TextKey) -> str:
    """The name that the telephone or the mail program shows."""
    try:
        access = await sending(me.practice.id)
    except ConfigurationError:
        return me.practice.discreet_name
    if key.channel == Channel.SMS:
        return str(access.sms.get("sender") or me.practice.discreet_name)
    return sender_name(me.practice, access)


def editor(
    text: OpenText, form: TextForm, *, status: int = 200, problem: str = "", told: str = "", by: str = ""
) -> Response[str]:
    """The whole page. `problem` and `told` are names of sentences, `told` perhaps one that there is not; `by` is whom a
    problem speaks of."""
    me, key, looked = text.me, text.key, text.look(form)
    published = text.history.published
    return page(
        "text",
        me,
        status=status,
        headers=HEADERS,
        texts_css=CSS,
        zone=ZoneInfo(me.practice.zone),
        key=key,
        at=address(key),
        state=state_of(key, frozenset(one.state for one in text.history.versions), strict=me.practice.settings.strict),
        siblings=_siblings(key),
        strict=me.practice.settings.strict and key.speciality != GENERAL,
        borrowed=Key(*key) not in shipped().shipped,
        may_edit=may(me.role, May.EDIT_TEXTS),
        form=form,
        draft=text.history.draft,
        published=published,
        versions=[one for one in text.history.versions if one is not text.history.draft],
        placeholders=placeholders(key),
        changes=_changes(text.leaving, form),
        theirs=_changes(text.standing, form) if problem == "overtaken" else None,
        problem=problem,
        told=vars(words_for(me.language).text_notices).get(told, ""),
        by=by,
        **_looked(text, form, looked),
    )


def look(text: OpenText, form: TextForm) -> Response[str]:
    """The right-hand side alone, as somebody types."""
    looked = text.look(form)
    return partial("staff_text_look", text.me, swap=True, key=text.key, **_looked(text, form, looked))


def version_page(text: OpenText, version: Version) -> Response[str]:
    form = TextForm(version.words, text.history.mark)
    return page(
        "text_version",
        text.me,
        headers=HEADERS,
        texts_css=CSS,
        zone=ZoneInfo(text.me.practice.zone),
        key=text.key,
        at=address(text.key),
        version=version,
        seen=text.history.mark,
        may_edit=may(text.me.role, May.EDIT_TEXTS),
        subject=compare(version.words.subject, text.standing.subject),
        body=compare(version.words.body, text.standing.body),
        same=version.words == text.standing,
        draft=text.history.draft,
        **_looked(text, form, text.look(form)),
    )


def _looked(text: OpenText, form: TextForm, looked: Looked) -> dict[str, Any]:
    found: tuple[Remark, ...] = remarks(looked, subject=form.words.subject, body=form.words.body)
    values = values_of(Key(*text.key), text.scene_for(form))
    return {
        "looked": looked,
        "remarks": found,
        "errors": sum(one.severity == "error" for one in found),
        "sender": text.sender,
        "bubble": tuple(pieces(looked.sms.text, (values.link,))) if looked.sms is not None else (),
    }


def _changes(old: TextWords, form: TextForm) -> dict[str, Any] | None:
    """What the form says differently from `whole`."""
    new = form.words
    if old == new or form.too_long:
        return None
    return {"subject": compare(old.subject, new.subject), "body": compare(old.body, new.body), "whole": old}


def _siblings(key: TextKey) -> dict[str, list[tuple[str, str, bool]]]:
    """The same text in the other languages and specialities: name, address, and whether it is this one."""
    languages = [key._replace(language=code) for code in text_languages()]
    kinds = [key._replace(speciality=name) for name in specialities()]
    return {
        "languages": [(one.language, address(one), one == key) for one in languages],
        "specialities": [(one.speciality, address(one), one == key) for one in kinds],
    }
