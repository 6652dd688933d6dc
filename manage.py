#!/usr/bin/env python
"""Run Luopan's commands: `python manage.py help` lists them."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Put the source root on the path and hand over to Django."""
    # Not at 0: there stands the folder of this file, and Python's own `platform` must win over the folder's.
    sys.path.insert(1, str(Path(__file__).resolve().parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    from hub.command_line import run

    run(sys.argv)


if __name__ == "__main__":
    main()
