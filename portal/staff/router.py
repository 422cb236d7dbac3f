"""The staff's pages, all under `/staff`.

Each part exposes `HANDLERS`: Litestar handlers whose paths are relative to `/staff` (`@get("/today", guards=[guard(
May.SEE_WORKLIST)])`) and which take `me: NamedDependency[SignedIn]`. Every one of them carries a `guard(...)`.
"""

from litestar import Router, get
from litestar.response import Redirect

from portal.patient.guard import refuse_other_sites
from portal.staff import absences, account, demo, dossier, sign_in, slack_link, texts, today
from portal.staff.calm import EXCEPTION_HANDLERS
from portal.staff.permissions import May, guard
from portal.staff.session import ME, require_session
from portal.staff.unreadable import refuse_unreadable

PARTS = (account, slack_link, today, dossier, absences, texts)


@get("/", guards=[guard(May.OWN_ACCOUNT)])
async def to_worklist() -> Redirect:
    return Redirect(sign_in.HOME, status_code=303)


signed_in = Router(
    path="/",
    route_handlers=[to_worklist, *(handler for part in PARTS for handler in part.HANDLERS)],
    guards=[require_session],
    dependencies={"me": ME},
)


def staff_router(*, is_demo: bool) -> Router:
    """`is_demo`: with the pages through which the guided tour signs in as anybody."""
    doors = [*sign_in.HANDLERS, *(demo.HANDLERS if is_demo else ())]
    return Router(
        path="/staff",
        route_handlers=[signed_in, *doors],
        guards=[refuse_other_sites, refuse_unreadable],
        exception_handlers=EXCEPTION_HANDLERS,
    )
