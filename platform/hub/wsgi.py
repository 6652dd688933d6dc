"""The WSGI entry point."""

import gc
import os
import sys

import django
from django.urls import get_resolver

from hub.db.patience import lose_patience

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
django.setup(set_prefix=False)

from hub.lane import Application  # noqa: E402 - its models must be known first

application = Application()
lose_patience()
# Every route is loaded now and not by the first request, and what was loaded stays for good: the collector, which
# would look at all of it again and again, cost a fifth of a request.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
# A request gives way whenever it waits for the database, so it need not be made to in between.
sys.setswitchinterval(0.1)
