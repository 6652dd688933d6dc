"""The only reader of the system clock. Everything else is given the time as `now=`."""

import time
from datetime import UTC, datetime
from uuid import UUID


def now(tenant_id: UUID | None = None) -> datetime:
    """Return this moment, with its time zone (UTC); with a tenant, the moment that its clock shows.

    The clock of a sandbox may be ahead: it is looked up once in each transaction, in a scope that sees the tenant.
    """
    moment = datetime.now(UTC)
    if tenant_id is None:
        return moment
    from hub.sandbox import offset_of  # here, as models read the clock before the tables are known

    return moment + offset_of(tenant_id)


def milliseconds() -> int:
    """Return the whole milliseconds of Unix time: for numbers that tell when they were made."""
    return time.time_ns() // 1_000_000
