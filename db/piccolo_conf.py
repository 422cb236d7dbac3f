"""Found by Piccolo through PICCOLO_CONF, which `db.config` sets."""

from piccolo.conf.apps import AppRegistry

from db.engine import ENGINE

DB = ENGINE
APP_REGISTRY = AppRegistry(apps=["db.piccolo_app"])
