"""From a practice's stored access to the settings of its mail server and its gateway."""

from db.errors import ConfigurationError
from db.queries.practices import Profile, Sending
from db.states import Channel
from jobs.delivery.email import SmtpSettings
from jobs.delivery.sms.registry import GatewaySettings

# What Twilio sends of one sender in Europe. A gateway that is given more keeps it in a queue, which no stop reaches.
SMS_PER_SECOND = 10.0


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


def messages_per_second(sending: Sending, channel: Channel) -> float | None:
    """The limit that this practice's mail server or gateway sets; None for no limit."""
    access, usual = (sending.sms, SMS_PER_SECOND) if channel is Channel.SMS else (sending.smtp, None)
    value = access.get("per_second", usual)
    return None if value is None else float(value)


def mail_domain(sending: Sending) -> str:
    """The domain that Message-IDs are made in: the sender's own."""
    return str(sending.smtp.get("from_address", "")).rpartition("@")[2] or "localhost"


def sender_name(practice: Profile, sending: Sending) -> str:
    return str(sending.smtp.get("from_name") or practice.discreet_name)
