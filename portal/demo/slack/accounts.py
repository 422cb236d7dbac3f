"""The demo's workspace, app and credentials: fixed, public, and of no use anywhere else."""

TEAM, TEAM_NAME, DOMAIN = "T0TILLEULS", "Les Tilleuls", "tilleuls"
APP, APP_NAME = "A0REPRISE", "Reprise"
BOT, BOT_USER = "B0REPRISE", "U0REPRISE"
TOKEN = "xoxb-demo-token-of-no-value"  # noqa: S105
SIGNING_SECRET = "demo-signing-secret-of-no-value"  # noqa: S105
VERIFICATION = "demo-verification-token"

# Each known to the double; a workspace may grant fewer.
SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "chat:write.public",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "team:read",
    "users:read",
    "users:read.email",
)
