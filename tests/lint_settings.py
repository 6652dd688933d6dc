"""Settings for `make lint`: an empty database of its own, and the migration linter over our own apps."""

import logging
import os
from pathlib import Path

os.environ["LUOPAN_HOME"] = str(Path(__file__).resolve().parents[1] / ".local" / "lint")

from hub.settings import *
from hub.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    "sql_analyser": "postgresql",
    "include_apps": [name.partition(".apps.")[0].rpartition(".")[2] for name in _APPS if ".apps." in name],
    "quiet": ["ok", "ignore"],
    # Their unique constraints concern rows that no earlier code writes, or that were unique already; rights come with
    # the tables that the migration before them makes.
    "ignore_name": ["0004_platform_consents", "0002_rights"],
}
logging.getLogger("django_migration_linter").addFilter(lambda record: record.levelno >= logging.WARNING)
