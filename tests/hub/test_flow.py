"""Transition tables: the same in Python and in the database."""

import re

import pytest
from django.db import IntegrityError, connection

from hub.db.base import as_owner
from hub.errors import Conflict
from hub.flow import enforce, flow

LIGHTS = flow("traffic light", "red", red="green", green="amber", amber="red green")


def test_the_table_allows_what_it_names() -> None:
    LIGHTS.check("red", "green")
    with pytest.raises(Conflict, match="A traffic light that is red cannot become amber; green may follow"):
        LIGHTS.check("red", "amber")


def test_a_state_without_a_row_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="blue"):
        flow("traffic light", "red", red="blue")


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_every_pair_that_is_not_named() -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE lights (state text)")
        cursor.execute(str(enforce("lights", "state", LIGHTS).sql))
        with pytest.raises(IntegrityError, match="starts as red"):
            cursor.execute("INSERT INTO lights VALUES ('green')")
        for before in LIGHTS.states:
            for then in LIGHTS.states:
                cursor.execute("ALTER TABLE lights DISABLE TRIGGER ALL; DELETE FROM lights")
                cursor.execute(f"INSERT INTO lights VALUES ('{before}'); ALTER TABLE lights ENABLE TRIGGER ALL")
                allowed = then == before or then in LIGHTS.after[before]
                assert _changes(cursor, then) is allowed, (before, then)


def _changes(cursor: object, then: str) -> bool:
    try:
        cursor.execute(f"UPDATE lights SET state = '{then}'")  # type: ignore[attr-defined]  # a cursor
    except IntegrityError:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_every_flow_of_the_code_stands_in_the_database() -> None:
    from risk.learning import flows as learning
    from risk.scoring import flows as scoring

    flows = [value for module in (learning, scoring) for value in vars(module).values() if type(value) is type(LIGHTS)]
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname LIKE '%\\_flow'")
        sources = [row[0] for row in cursor.fetchall()]
    held = {frozenset(re.findall(r"\('(\w+)', '(\w+)'\)", source)) for source in sources}
    assert len(flows) >= 2
    for rules in flows:
        assert frozenset((a, b) for a, row in rules.after.items() for b in row) in held, rules.name
