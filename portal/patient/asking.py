"""Ask for a call, or say what stands in the way."""

from litestar import post
from litestar.params import FromPath

from db.changes.requests import name_barrier, request_call
from db.clock import now
from portal.forms import patient as forms
from portal.forms.body import posted
from portal.patient.visit import Answer, enter, go_to
from portal.services import AnyRequest


@post("/r/{token:str}/call", status_code=200)
async def ask_for_call(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token)
    await posted(request)
    await request_call(visit.link_id, now=now())
    return go_to(token, "?noted=call")


@post("/r/{token:str}/barrier", status_code=200)
async def say_what_stands_in_the_way(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token)
    chosen = forms.barrier(await posted(request))
    if chosen is None:
        return visit.show("barrier", status=400)
    await name_barrier(visit.link_id, barrier=chosen, now=now())
    return go_to(token, "?noted=barrier")
