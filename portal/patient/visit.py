"""One request that came in through a live link."""

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.response import Redirect

from db.clock import now
from db.queries.links import PatientPage, patient_page
from db.queries.rehearsals import rehearsed_link
from portal.patient.guard import dead_link, link_id
from portal.patient.pretence import NOTHING_DONE, Pretence, pretended_page
from portal.patient.view import View, view_of
from portal.patient.words import Words, words_for
from portal.render import page
from portal.services import AnyRequest

Answer = Response[Any]


@dataclass(frozen=True, slots=True)
class Visit:
    request: AnyRequest
    token: str
    link_id: str
    page: PatientPage
    words: Words
    pretence: Pretence | None = None

    @property
    def base(self) -> str:
        """Where the forms of its pages lead."""
        return f"/r/{self.token}" if self.pretence is None else self.pretence.base(self.token)

    @property
    def view(self) -> View:
        return view_of(self.page, self.base, self.words, rehearsal=self.pretence is not None)

    @property
    def mark(self) -> str:
        return self.page.booking.mark if self.page.booking is not None else ""

    def show(self, partial: str, *, status: int = 200, **values: Any) -> Response[bytes]:
        shown = self.view
        return page(self.request, partial, words=self.words, status=status, common=shown.slots, shown=shown, **values)


async def enter(request: AnyRequest, token: str, *, moving: bool = False, even_expired: bool = False) -> Visit:
    """One query. Whatever is wrong with the link, the same page answers."""
    found_id = await link_id(request, token)
    found = await patient_page(found_id, now=now(), moving=moving, even_expired=even_expired)
    if found is None:
        return await rehearse(request, token, NOTHING_DONE)
    return Visit(request, token, found_id, found, words_for(found.language))


async def rehearse(request: AnyRequest, token: str, pretence: Pretence, *, moving: bool = False) -> Visit:
    """The same through the link of a rehearsal, as if that had been done there."""
    found_id = await link_id(request, token)
    found = await rehearsed_link(found_id, now=now())
    if found is None:
        await dead_link(request)
    shown = pretended_page(found, pretence, now=now(), moving=moving)
    return Visit(request, token, found_id, shown, words_for(found.language), pretence)


def go_to(token: str, place: str = "") -> Redirect:
    return Redirect(f"/r/{token}{place}", status_code=303)
