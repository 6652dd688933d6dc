"""The demonstration's borrowers: some hundred of them, drawn after the start while people already look around.

They come in vintages, each of which applies, borrows and pays through all of the months behind us. One that was cut
off is not taken up again: the next start goes on with the next.
"""

import json
from datetime import date, datetime
from pathlib import Path

from acquisition.market.simulation import Market, Plan, Say

VINTAGE = 300
# So many months back: half a year of loans has closed its windows.
MONTHS = 18
SEED = 20261123


def first_month(now: datetime) -> date:
    """The first day of the first month in which they borrow."""
    months = now.year * 12 + now.month - 1 - MONTHS
    return date(months // 12, months % 12 + 1, 1)


def grow(*, home: Path, applicants: int, now: datetime, say: Say) -> bool:
    """Let those who are missing of so many applicants live through their months; tell whether there were any."""
    path = home / "market.json"
    begun: int = json.loads(path.read_text())["vintages"] if path.exists() else 0
    for vintage in range(begun, -(-applicants // VINTAGE)):
        path.write_text(json.dumps({"vintages": vintage + 1}))
        count = min(VINTAGE, applicants - vintage * VINTAGE)
        plan = Plan(count, MONTHS, SEED + vintage, first_month(now), first_number=vintage * VINTAGE)
        market = Market(plan)
        funded = sum(int(market.live(month, lambda _: None).funded.sum()) for month in range(MONTHS))
        say(f"{count} simulated people have applied in the last {MONTHS} months: {funded} loans")
    return begun * VINTAGE < applicants
