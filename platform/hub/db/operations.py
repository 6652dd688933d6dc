"""Migration operations for rights: who may do what to a table, and which rows a tenant sees."""

from collections.abc import Sequence

from django.db.migrations.operations import RunSQL

_MINE = "(select nullif(current_setting('app.institution_id', true), '')::uuid)"


def default_rights() -> RunSQL:
    """Give the platform's role the framework's tables, made before and after; ours narrow their rights themselves."""
    rights = "SELECT, INSERT, UPDATE, DELETE"
    return RunSQL(
        [
            f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO luopan_platform",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO luopan_platform",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON TABLES TO luopan_platform",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO luopan_platform",
        ],
        RunSQL.noop,
    )


def platform_table(table: str, *, rights: str) -> RunSQL:
    """Leave `table` to the platform's role alone, with `rights` (such as "SELECT, INSERT")."""
    return RunSQL([*_narrow(table, rights)], RunSQL.noop)


def tenant_table(
    table: str, *, tenant: str, platform: str, shared: bool = False, column: str = "institution_id"
) -> RunSQL:
    """Part the rows of `table` by institution.

    `tenant` and `platform` are the rights of the two roles. With `shared`, a tenant also reads (never writes) the
    rows of no institution: the platform's own.
    """
    readable = f"{column} = {_MINE}" + (f" OR {column} IS NULL" if shared else "")
    return RunSQL(
        [
            *_narrow(table, platform),
            *([f"GRANT {tenant} ON {table} TO luopan_tenant"] if tenant else []),
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO luopan_tenant",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY platform_all ON {table} TO luopan_platform USING (true) WITH CHECK (true)",
            f"CREATE POLICY tenant_read ON {table} FOR SELECT TO luopan_tenant USING ({readable})",
            *_own_rows(table, column),
        ],
        RunSQL.noop,
    )


def _narrow(table: str, rights: str) -> Sequence[str]:
    return [f"REVOKE ALL ON {table} FROM luopan_platform", f"GRANT {rights} ON {table} TO luopan_platform"]


def _own_rows(table: str, column: str) -> Sequence[str]:
    mine = f"{column} = {_MINE}"
    return [
        f"CREATE POLICY tenant_insert ON {table} FOR INSERT TO luopan_tenant WITH CHECK ({mine})",
        f"CREATE POLICY tenant_update ON {table} FOR UPDATE TO luopan_tenant USING ({mine}) WITH CHECK ({mine})",
        f"CREATE POLICY tenant_delete ON {table} FOR DELETE TO luopan_tenant USING ({mine})",
    ]
