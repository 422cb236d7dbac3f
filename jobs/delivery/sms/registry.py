"""From a practice's settings to its gateway: the list of providers that Reprise knows."""

from collections.abc import Callable
from dataclasses import dataclass, field

from db.errors import ConfigurationError
from jobs.delivery.sms.gateway import Gateway
from jobs.delivery.sms.kannel import Kannel, KannelSettings, sendsms_address
from jobs.delivery.sms.twilio import API, Twilio, TwilioSettings


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """`account` and `secret` as the provider calls them; `base_url` None for the provider's own address.

    For a provider that signs nothing: `inbound_secret` is what it shows instead. `country`: the practice's.
    """

    provider: str
    account: str
    secret: str = field(repr=False)
    sender: str
    base_url: str | None = None
    timeout: float = 10.0
    inbound_secret: str = field(default="", repr=False)
    country: str = "FR"


def gateway(settings: GatewaySettings) -> Gateway:
    """Raises `ConfigurationError` with a sentence for the installer."""
    make = PROVIDERS.get(settings.provider)
    if make is None:
        known = ", ".join(sorted(PROVIDERS))
        raise ConfigurationError(f'No SMS gateway is called "{settings.provider}"; known: {known}.')
    lacking = [name for name in ("account", "secret", "sender") if not getattr(settings, name)]
    if lacking:
        raise ConfigurationError(f"The SMS gateway {settings.provider} needs: {', '.join(lacking)}.")
    if settings.base_url is not None and not settings.base_url.startswith(("https://", "http://")):
        raise ConfigurationError(f"The address of the SMS gateway {settings.provider} must start with https.")
    return make(settings)


def _twilio(settings: GatewaySettings) -> Gateway:
    return Twilio(
        TwilioSettings(
            account=settings.account,
            token=settings.secret,
            sender=settings.sender,
            base_url=settings.base_url or API,
            timeout=settings.timeout,
        )
    )


def _kannel(settings: GatewaySettings) -> Gateway:
    if settings.base_url is None or not settings.inbound_secret:
        raise ConfigurationError("The SMS gateway kannel needs: base_url, inbound_secret.")
    return Kannel(
        KannelSettings(
            url=sendsms_address(settings.base_url),
            username=settings.account,
            password=settings.secret,
            sender=settings.sender,
            secret=settings.inbound_secret,
            country=settings.country,
            timeout=settings.timeout,
        )
    )


PROVIDERS: dict[str, Callable[[GatewaySettings], Gateway]] = {"twilio": _twilio, "kannel": _kannel}
