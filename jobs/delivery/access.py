"""From a practice's stored access to the settings of its mail server and its gateway."""

from db.errors import ConfigurationError
from db.queries.practices import Profile, Sending
from jobs.delivery.email import SmtpSettings
from jobs.delivery.sms.registry import GatewaySettings


def smtp_settings(sending: Sending) -> SmtpSettings:
    access = sending.smtp
    if not access.get("host") or not access.get("from_address"):
        raise ConfigurationError(
            "This practice has no mail server: add [smtp] to practice.toml and run `reprise setup`."
        )
    return SmtpSettings(
        host=access["host"],
        port=int(access["port"]),
        security=access.get("security", "starttls"),
        username=access.get("username"),
        password=access.get("password"),
        ca_file=access.get("ca_file"),
    )


def gateway_settings(sending: Sending) -> GatewaySettings:
    access = sending.sms
    if not access.get("provider"):
        raise ConfigurationError(
            "This practice has no SMS gateway: add [sms] to practice.toml and run `reprise setup`."
        )
    return GatewaySettings(
        provider=access["provider"],
        account=access.get("account", ""),
        secret=access.get("token", ""),
        sender=access.get("sender", ""),
        base_url=access.get("base_url"),
        inbound_secret=access.get("inbound_secret", ""),
        country=access.get("country", "FR"),
    )


def mail_domain(sending: Sending) -> str:
    """The domain that Message-IDs are made in: the sender's own."""
    return str(sending.smtp.get("from_address", "")).rpartition("@")[2] or "localhost"


def sender_name(practice: Profile, sending: Sending) -> str:
    return str(sending.smtp.get("from_name") or practice.discreet_name)
