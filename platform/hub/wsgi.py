"""The WSGI entry point."""

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from hub.db.patience import lose_patience

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
application = get_wsgi_application()
lose_patience()
# Every route is loaded now and not by the first request, and what was loaded stays for good: the collector, which
# would look at all of it again and again, cost a fifth of a request.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
# A request gives way whenever it waits for the database, so it need not be made to in between.
sys.setswitchinterval(0.1)
