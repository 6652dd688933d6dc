"""What a task sees of the database, told in a file: run by `celery -A tests.hub.tenancy_tasks worker`."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from hub.celery import app


@app.task(name="tests.look")  # type: ignore[untyped-decorator]  # celery has no types
def look(institution_id: str, file: str) -> None:
    """Look into the table with a scope and then without one, and write down both."""
    # The worker loads this module before Django is set up.
    from django.db import DatabaseError, connection

    from hub.crypto import DataKey
    from hub.tenancy import tenant_scope

    seen: dict[str, Any] = {}
    with tenant_scope(UUID(institution_id)):
        seen["mine"] = sorted({str(key.institution_id) for key in DataKey.objects.all()})
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM hub_datakey")
            seen["raw"] = cursor.fetchone()[0]
    except DatabaseError as error:
        seen["raw"] = str(error).partition("\n")[0]
    Path(file).write_text(json.dumps(seen))
