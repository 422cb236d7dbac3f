"""All that a link leads to. No cookie is read or set here: the token is the authority."""

from litestar import Router

from portal.patient.asking import ask_for_call, say_what_stands_in_the_way
from portal.patient.changes import change_time, confirm_cancel, confirm_coming, show_cancel, show_move, take_along
from portal.patient.guard import refuse_other_sites
from portal.patient.rehearsal import HANDLERS
from portal.patient.slots import back_to_page, choose, confirm, show_page
from portal.patient.stopping import one_click, show_one_click, show_stop, stop_channels

page_router = Router(
    path="/",
    route_handlers=[
        show_page,
        choose,
        confirm,
        back_to_page,
        show_move,
        change_time,
        show_cancel,
        confirm_cancel,
        confirm_coming,
        take_along,
        ask_for_call,
        say_what_stands_in_the_way,
        show_stop,
        stop_channels,
        *HANDLERS,
    ],
    guards=[refuse_other_sites],
)

# Some mail programs in a browser post the one-click form from a page of their own.
patient_router = Router(path="/", route_handlers=[page_router, show_one_click, one_click])
