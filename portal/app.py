"""The web application: patient pages, what providers tell us, and health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, get
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from db import session
from db.config import Config
from portal.errors import EXCEPTION_HANDLERS
from portal.headers import secure_headers
from portal.health import health, ready
from portal.patient.router import patient_router
from portal.render import ROOT, templates
from portal.services import make_services
from portal.staff.router import staff_router
from portal.webhooks.slack import slack_events
from portal.webhooks.sms import sms_router

SMALL_BODY = 16_384
YEAR_SECONDS = 31_536_000


@get("/robots.txt", media_type="text/plain")
async def robots() -> str:
    return "User-agent: *\nDisallow: /\n"


def create_app(config: Config) -> Litestar:
    """Connects at start-up and disconnects at shutdown. Its server must write no access log: paths hold tokens."""
    templates()

    @asynccontextmanager
    async def connected(app: Litestar) -> AsyncIterator[None]:
        async with session.opened(config):
            shared = app.state.services = make_services(config)
            try:
                await shared.refresh_contact()
                yield
            finally:
                await shared.close()

    static = create_static_files_router(
        path="/static",
        directories=[ROOT / "static"],
        # Every file's name carries its version.
        cache_control=CacheControlHeader(public=True, max_age=YEAR_SECONDS, immutable=True),
    )
    return Litestar(
        route_handlers=[
            patient_router,
            staff_router(is_demo=config.is_demo),
            sms_router,
            slack_events,
            health,
            ready,
            robots,
            static,
        ],
        lifespan=[connected],
        before_send=[secure_headers(config)],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        # Litestar's own log would name the path, and the path is the token.
        logging_config=None,
        request_max_body_size=SMALL_BODY,
        debug=False,
    )
