"""What the demo's commands share."""

from db.config import Config
from db.errors import ConfigurationError


def demo_only(config: Config) -> Config:
    if not config.is_demo:
        raise ConfigurationError("This is a demo's command, and the stack is in production.")
    return config
