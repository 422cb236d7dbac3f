"""The mail server and the SMS gateway of a practice file."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.rules import emails, telephones
from db.rules.emails import LONGEST_LOCAL
from db.tokens import RETURN_PATH
from jobs.delivery.sms.gateway import SenderForm
from jobs.delivery.sms.registry import PROVIDERS
from jobs.delivery.sms.twilio import sender_form
from jobs.messages.lint.check import lint
from portal.forms.toml_reader import Section, Wrong, one_of, text, whole

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
USUAL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
LONGEST_SECRET = 500
SLOWEST, QUICKEST = 0.1, 1000
WEB_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:(?P<port>[1-9]\d{0,4}))?(/[\w./-]*)?", re.ASCII
)
# It stands in a web address and in another program's configuration: no letter that either would read differently.
INBOUND_SECRET = re.compile(r"[A-Za-z0-9_-]{20,}")
READER = "en"


@dataclass(frozen=True)
class Around:
    """What the two sections lean on: where secrets of their own files are looked for, and the practice's ways."""

    folder: Path
    country: str
    language: str
    discreet_name: str


def read_smtp(section: Section, around: Around) -> dict[str, Any]:
    """As `db.changes.practices.NewPractice.smtp` wants it."""
    host = section.required("host", text(253), "", '"smtp.example.fr"')
    security = section.read("security", one_of(tuple(USUAL_PORTS)), "starttls")
    if security == "none" and host not in LOCAL_HOSTS:
        section.complain("security", "none would send names and links readable by anybody: write starttls or tls.")
    access: dict[str, Any] = {
        "host": host,
        "port": section.read("port", whole(1, 65535), USUAL_PORTS[security]),
        "security": security,
        "from_address": section.required("from_address", email_address, "", '"rdv@cabinet.example"'),
        "from_name": section.read("from_name", discreet(around.language), around.discreet_name),
    }
    if (bounces_to := section.read("bounce_address", _bounce_address, None)) is not None:
        access["bounce_address"] = bounces_to
    if (username := section.read("username", text(254), "")) != "":
        access["username"] = username
        access["password"] = read_secret(section, "password", around.folder)
    else:
        for key in ("password", "password_file"):
            if section.read(key, _untouched, None) is not None:
                section.complain(key, 'has no username beside it: write username = "...".')
    if (authority := section.read("ca_file", text(1000), "")) != "":
        access["ca_file"] = str((around.folder / authority).resolve())
        if not Path(access["ca_file"]).is_file():
            section.complain("ca_file", f"there is no file {access['ca_file']}.")
    _read_limit(section, access)
    section.refuse_unknown()
    return access


def read_sms(section: Section, around: Around) -> dict[str, Any]:
    """As `NewPractice.sms` wants it."""
    access: dict[str, Any] = {
        "provider": section.required("provider", one_of(tuple(PROVIDERS)), "", '"twilio"'),
        "account": section.required("account", text(80), "", '"AC..."'),
        "token": read_secret(section, "token", around.folder),
    }
    sender = section.required("sender", text(40), "", '"Tilleuls", or a number such as "+33 9 39 00 00 00"')
    access["sender"] = _sender(section, sender, around, pools=access["provider"] == "twilio") if sender else ""
    if access["provider"] == "kannel":
        access |= _kannel(section, around)
    _read_limit(section, access)
    section.refuse_unknown()
    return access


def _read_limit(section: Section, access: dict[str, Any]) -> None:
    """Where nothing is said, `jobs.delivery.access` knows what is usual."""
    if (limit := section.read("per_second", _per_second, None)) is not None:
        access["per_second"] = limit


def _per_second(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not SLOWEST <= value <= QUICKEST:
        raise Wrong(f"write how many messages it takes in a second, from {SLOWEST} to {QUICKEST}.")
    return float(value)


def _kannel(section: Section, around: Around) -> dict[str, str]:
    """What a gateway of one's own needs besides: where it is, and what its messages carry, for it signs nothing."""
    secret = read_secret(section, "inbound_secret", around.folder)
    if secret and not INBOUND_SECRET.fullmatch(secret):
        section.complain("inbound_secret", "write 20 letters and digits or more, such as `openssl rand -hex 16` gives.")
    return {
        "base_url": section.required("base_url", _web_address, "", '"http://127.0.0.1:13013"'),
        "inbound_secret": secret,
        "country": around.country,
    }


def _web_address(value: Any) -> str:
    address = text(200)(value)
    found = WEB_ADDRESS.fullmatch(address)
    if found is None or int(found["port"] or 0) > 65535:
        raise Wrong('write the address of its sendsms, such as "http://127.0.0.1:13013" or "https://sms.example".')
    if found["scheme"] == "http" and found["host"].strip("[]") not in LOCAL_HOSTS:
        raise Wrong("http to another machine would send names and links readable by anybody: write https.")
    return address


def read_secret(section: Section, key: str, folder: Path) -> str:
    """`password = "..."`, or `password_file = "smtp-password"`: a file beside the practice file."""
    beside = f"{key}_file"
    given = section.read(key, text(LONGEST_SECRET), None)
    name = section.read(beside, text(1000), None)
    if (given is None) == (name is None):
        if key not in section.values or beside in section.values:
            section.complain(key, f"write either {key}, or {beside} with the name of a file that holds it.")
        return ""
    if given is not None:
        return given
    path = folder / str(name)
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        section.complain(beside, f"the file {path} cannot be read.")
        return ""
    if not secret or len(secret) > LONGEST_SECRET or not secret.isprintable():
        section.complain(beside, f"the file {path} must hold one line.")
    return secret


def email_address(value: Any) -> str:
    found = emails.read(value) if isinstance(value, str) else None
    if found is None or found != value.strip().lower():
        raise Wrong('write an email address, such as "accueil@cabinet.example".')
    return found


def _bounce_address(value: Any) -> str:
    address = email_address(value)
    longest = LONGEST_LOCAL - 1 - RETURN_PATH.length
    if len(address.rpartition("@")[0]) > longest:
        raise Wrong(f"write an address with at most {longest} characters before the @: a token is added to them.")
    return address


def discreet(language: str, longest: int = 40) -> Any:
    """A name that strangers may read: it must not tell what care is given."""

    def convert(value: Any) -> str:
        name = text(longest)(value)
        told = [name[one.start : one.end] for one in _told(name, language)]
        if told:
            raise Wrong(
                f"strangers may read it over a shoulder, and {', '.join(map(repr, told))} tells what care is given: "
                "write a name without it."
            )
        return name

    return convert


def _told(name: str, language: str) -> list[Any]:
    found = lint(name, kind="subject", language=language, can_receive=True, reader=READER)
    return [one for one in found if one.rule == "discretion" and one.severity == "error"]


def _sender(section: Section, sender: str, around: Around, *, pools: bool) -> str:
    """The sender as the gateway wants it."""
    if pools and sender_form(sender) is SenderForm.POOL:
        return sender
    if any(sign.isalpha() for sign in sender):
        for one in lint(sender, kind="sender", language=around.language, reader=READER):
            if one.severity == "error":
                section.complain("sender", one.message)
        return sender
    digits = "".join(sign for sign in sender if sign.isdigit())
    if len(digits) <= 6 and not sender.startswith("+"):
        return digits
    found = telephones.read(sender, around.country)
    if found is None:
        section.complain("sender", "is not a telephone number: write it as +33 9 39 00 00 00, or a name.")
        return sender
    if found.e164.startswith(("+336", "+337")):
        section.complain(
            "sender",
            "French mobile numbers (06, 07) may not send automated messages: write a number that your gateway "
            "rented out for that, or a name of at most 11 letters or digits.",
        )
    return found.e164


def _untouched(value: Any) -> Any:
    return value
