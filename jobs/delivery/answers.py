"""Whether an answer to the practice's SMS comes back, so that a text may ask for one."""

from db.errors import ConfigurationError
from db.queries.practices import sending
from jobs.delivery.access import gateway_settings
from jobs.delivery.sms.registry import gateway


async def takes_answers(practice: int) -> bool:
    """Without a gateway nothing comes back."""
    try:
        one = gateway(gateway_settings(await sending(practice)))
    except ConfigurationError:
        return False
    try:
        return one.capabilities.receives
    finally:
        await one.close()
