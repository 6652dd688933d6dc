"""Transition tables: which state may follow which. Held in Python for the message, in the database for certain."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.migrations.operations import RunSQL

from hub.errors import Conflict


@dataclass(frozen=True)
class Flow:
    """The states of one kind of row: the first one, and for each the set that may follow."""

    name: str
    first: str
    after: Mapping[str, frozenset[str]]

    @property
    def states(self) -> list[str]:
        """Every state, in the order of declaration."""
        return list(self.after)

    def choices(self) -> list[tuple[str, str]]:
        """The states as Django's choices."""
        return [(state, state.replace("_", " ")) for state in self.after]

    def check(self, before: str, then: str) -> None:
        """Raise `Conflict` unless `then` may follow `before`."""
        if then not in self.after.get(before, frozenset()):
            allowed = ", ".join(sorted(self.after.get(before, ()))) or "nothing"
            raise Conflict(f"A {self.name} that is {before} cannot become {then}; {allowed} may follow.")


def flow(name: str, first: str, **after: str) -> Flow:
    """Declare a flow: `flow("training run", "queued", queued="running failed", running="done failed", …)`."""
    table = {state: frozenset(then.split()) for state, then in after.items()}
    unknown = {then for row in table.values() for then in row} - set(table)
    if unknown or first not in table:
        raise ValueError(f"{name}: states without a row of their own: {sorted(unknown)}")
    return Flow(name, first, table)


def enforce(table: str, column: str, rules: Flow) -> RunSQL:
    """Return the migration operation that makes the database refuse every other insert and change of the column."""
    pairs = ", ".join(f"('{before}', '{then}')" for before, row in rules.after.items() for then in sorted(row))
    name = f"{table}_{column}_flow"
    return RunSQL(
        f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $flow$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            IF NEW.{column} <> '{rules.first}' THEN
              RAISE EXCEPTION '{table}.{column} starts as {rules.first}, not %', NEW.{column}
                USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
            END IF;
          ELSIF NEW.{column} <> OLD.{column} AND (OLD.{column}, NEW.{column}) NOT IN (VALUES {pairs}) THEN
            RAISE EXCEPTION '{table}.{column}: % cannot become %', OLD.{column}, NEW.{column}
              USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
          END IF;
          RETURN NEW;
        END $flow$;
        DROP TRIGGER IF EXISTS {name} ON {table};
        CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
        """,
        f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();",
    )
