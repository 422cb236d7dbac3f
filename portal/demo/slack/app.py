"""The double as an application of its own; the demo mounts `slack_router` beside its inbox instead."""

from pathlib import Path

from litestar import Litestar
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from portal.demo.headers import add_headers
from portal.demo.slack.api import slack_router
from portal.demo.slack.double import SlackDouble

ROOT = Path(__file__).resolve().parents[3]


def create_slack_app(slack: SlackDouble) -> Litestar:
    static = create_static_files_router(path="/static", directories=[ROOT / "static"], include_in_schema=False)
    return Litestar(
        route_handlers=[slack_router(slack), static],
        template_config=TemplateConfig(directory=ROOT / "templates", engine=JinjaTemplateEngine),
        before_send=[add_headers],
        openapi_config=None,
        logging_config=None,
    )
