"""Calendars of Radicale in a folder; whoever names himself is believed."""

from radicale import config
from radicale.app import Application

settings = config.load()
settings.update(
    {
        "auth": {"type": "none"},
        "logging": {"level": "critical"},
        "storage": {"filesystem_folder": "@folder@/collections"},
    },
    "the test",
)
application = Application(settings)
