"""A small Bolt app against the double, as the bot will be: it claims, asks for an outcome, and keeps an App Home."""

from typing import Any

from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from portal.demo.slack.accounts import BOT, BOT_USER, SIGNING_SECRET, TEAM, TOKEN
from tests.portal.demo.slack.samples import block, button, case, element, marked, modal, option

OUTCOMES = [option("left_message", "Message laissé"), option("rebooked", "Rendez-vous repris")]
HELP = "Aide : /reprise ma liste"


def outcome_modal(case_ref: str) -> dict[str, Any]:
    chosen = element("static_select", options=OUTCOMES)
    return modal(
        private_metadata=case_ref,
        notify_on_close=True,
        blocks=[block("input", block_id="outcome", element=chosen)],
    )


def bolt_app(api_url: str, heard: list[str]) -> AsyncSlackRequestHandler:
    """`heard` collects what reached a listener."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=TEAM, bot_id=BOT, bot_user_id=BOT_USER, bot_token=TOKEN)

    client = AsyncWebClient(TOKEN, base_url=api_url, retry_handlers=[])
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, authorize=authorize, process_before_response=False)

    @app.action("claim")
    async def claim(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        heard.append(f"claim by {body['user']['id']}")
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.chat_update(**place, text=f"Pris en charge par <@{body['user']['id']}>", blocks=case("outcome"))

    @app.action("taken")
    async def taken(ack: Any, respond: Any) -> None:
        await ack()
        await respond(text="Déjà pris en charge.", response_type="ephemeral", replace_original=False)

    @app.action("outcome")
    async def ask(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=outcome_modal("K7M2"))

    @app.view("outcome")
    async def outcome(ack: Any, view: dict[str, Any]) -> None:
        chosen = view["state"]["values"]["outcome"]["x"]["selected_option"]["value"]
        if chosen == "rebooked":
            await ack(response_action="errors", errors={"outcome": "Quand ?"})
            return
        await ack()
        heard.append(f"{chosen} on {view['private_metadata']}")

    @app.view_closed("outcome")
    async def given_up(ack: Any) -> None:
        await ack()
        heard.append("given up")

    @app.command("/reprise")
    async def command(ack: Any) -> None:
        await ack(text=HELP)

    @app.event("app_home_opened")
    async def home(event: dict[str, Any], client: AsyncWebClient) -> None:
        blocks = [block("section", text=marked(f"Bonjour <@{event['user']}>"), accessory=button("refresh"))]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("refresh")
    async def refresh(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        heard.append(f"refresh by {body['user']['id']}")

    return AsyncSlackRequestHandler(app, path="/slack/events")
