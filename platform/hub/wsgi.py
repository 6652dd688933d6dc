"""The WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
application = get_wsgi_application()
# What was loaded by now stays for good: without looking at it again a collection costs a quarter.
gc.collect()
gc.freeze()
