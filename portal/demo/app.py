"""The demo's web application: the doubles of gateway and Slack, and the inbox page. It has no database."""

from pathlib import Path

from litestar import Litestar
from litestar.di import Provide
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from portal.demo.caller import Caller
from portal.demo.gateway import GatewayDouble, api
from portal.demo.headers import add_headers
from portal.demo.inbox import Inbox
from portal.demo.pages import pages
from portal.demo.slack.api import slack_router
from portal.demo.slack.double import SlackDouble

ROOT = Path(__file__).resolve().parents[2]
INBOUND = "/webhooks/twilio/inbound"


def create_app(inbox: Inbox, caller: Caller, slack: SlackDouble, *, base_url: str) -> Litestar:
    """`base_url`: the address of the portal, where patients' answers go."""
    gateway = GatewayDouble(inbox, caller)
    static = create_static_files_router(path="/static", directories=[ROOT / "static"], include_in_schema=False)
    return Litestar(
        route_handlers=[pages, api, slack_router(slack), static],
        dependencies={
            "inbox": Provide(lambda: inbox, sync_to_thread=False),
            "caller": Provide(lambda: caller, sync_to_thread=False),
            "gateway": Provide(lambda: gateway, sync_to_thread=False),
            "inbound_url": Provide(lambda: f"{base_url}{INBOUND}", sync_to_thread=False),
        },
        template_config=TemplateConfig(directory=ROOT / "templates", engine=JinjaTemplateEngine),
        before_send=[add_headers],
        openapi_config=None,
        logging_config=None,
    )
