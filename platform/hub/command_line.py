"""The way into every `manage.py` command: what an operator can put right is told in a sentence, without a traceback."""

import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from hub.postgres import PostgresError


def run(words: list[str]) -> None:
    """Run one command; exits with 1 and a sentence where the fault lies in the surroundings."""
    try:
        execute_from_command_line(words)
    except (ImproperlyConfigured, PostgresError) as error:
        sys.exit(f"luopan: {error}")
    except OperationalError as error:
        reason = str(error).strip().partition("\n")[0]
        sys.exit(f"luopan: the database cannot be reached, or broke off: {reason}")
