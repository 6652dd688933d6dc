"""Rules over models and tables: foreign keys along the arrows, rights on every table."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model

from hub.tenancy import platform_scope

# Section 3 of the architecture: an app may point at those that it may import, directly or by way of others.
BELOW = {
    "risk.features": [],
    "risk.graph": ["risk.features"],
    "risk.scoring": ["risk.graph", "risk.features"],
    "risk.learning": ["risk.scoring", "risk.graph", "risk.features"],
    "risk.monitoring": ["risk.learning", "risk.scoring", "risk.graph", "risk.features"],
    "partners.institutions": ["risk."],
    "partners.products": ["partners.institutions", "risk."],
    "partners.referrals": ["partners.products", "partners.institutions", "risk."],
    "partners.loans": ["partners.referrals", "partners.products", "partners.institutions", "risk."],
    "partners.settlement": [
        "partners.loans",
        "partners.referrals",
        "partners.products",
        "partners.institutions",
        "risk.",
    ],
    "partners.delivery": ["partners.institutions", "risk."],
    "partners.portal": ["partners.", "risk."],
    "acquisition.compass": ["partners.", "risk."],
    "acquisition.scene": ["acquisition.compass", "partners.", "risk."],
    "acquisition.journey": ["acquisition.compass", "partners.", "risk."],
    "acquisition.market": ["acquisition.", "partners.", "risk."],
}
# Tables of ours that belong to the platform alone: no institution's role has a right on them.
PLATFORM_ONLY = {
    "hub_auditseal", "hub_brokermessage", "hub_brokerdead", "hub_inboxentry", "hub_invariantreport",
    "delivery_feedcursor", "institutions_tokenbinding", "institutions_usedassertion", "learning_outcomeentry",
    "learning_labelhold", "learning_sharingagreement", "learning_trainingcheckpoint", "monitoring_scoredcase",
    "scoring_decisionreview", "scoring_proxyapproval", "scoring_queryalert",
    "referrals_openapplicationclaim", "referrals_fundedclaim", "referrals_policyreplay", "referrals_catalogue",
    "referrals_routingrun", "scoring_inquiry", "scoring_shadow", "scoring_shadowscore",
    "journey_application", "journey_borrower", "journey_codecount", "journey_onetimecode",
    "accounts_user", "accounts_user_groups", "accounts_user_user_permissions",
}  # fmt: skip
OURS = ("hub", "partners", "risk", "acquisition")


def home(model: type[Model]) -> str:
    """Return the app's package, such as `risk.scoring`; the kernel's apps are all `hub`."""
    name = apps.get_app_config(model._meta.app_label).name
    return "hub" if name.startswith("hub") else name


def pointers() -> list[tuple[str, str, str]]:
    """Return (from, to, field) of each foreign key of a model of ours."""
    found = []
    for model in apps.get_models():
        if not home(model).startswith(OURS):
            continue
        for field in model._meta.get_fields():
            if field.concrete and field.is_relation and isinstance(field.related_model, type):
                found.append((home(model), home(field.related_model), f"{model.__name__}.{field.name}"))
    return found


def test_foreign_keys_run_along_the_arrows() -> None:
    against = []
    for source, target, field in pointers():
        if target in (source, "hub") or not target.startswith(OURS):
            continue
        if not any(target.startswith(allowed) for allowed in BELOW.get(source, [])):
            against.append(f"{field}: {source} -> {target}")
    assert against == []
    assert len(pointers()) > 10


def test_the_kernel_points_at_no_app() -> None:
    assert [
        field for source, target, field in pointers() if source == "hub" and target not in ("hub", *FRAMEWORK)
    ] == []


FRAMEWORK = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions")


_ANY = "'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'"
_RIGHTS = f"""
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AND
  (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) >= 2,
  has_table_privilege('luopan_tenant', c.oid, {_ANY}), has_table_privilege('luopan_app', c.oid, {_ANY}),
  has_table_privilege('luopan_platform', c.oid, 'TRUNCATE, REFERENCES, TRIGGER'), pg_get_userbyid(c.relowner)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


@pytest.mark.django_db
def test_every_table_has_its_rights() -> None:
    """What a tenant may touch is parted by rows, also for the owner; what is not parted, no tenant may touch."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(_RIGHTS)
        rows = cursor.fetchall()
    models = [model for model in apps.get_models(include_auto_created=True) if home(model).startswith(OURS)]
    ours = {model._meta.db_table for model in models}
    assert ours <= {row[0] for row in rows}
    assert {row[0] for row in rows if row[5] != "luopan_owner"} == set()
    assert {row[0] for row in rows if row[3]} == set(), "the login role has a right of its own"
    assert {row[0] for row in rows if row[4]} == set(), "the platform's role may empty or change it"
    assert {row[0] for row in rows if row[2] and not row[1]} == set(), "a tenant may touch rows that are not parted"
    assert {row[0] for row in rows if row[0] in ours and not row[1]} == PLATFORM_ONLY, "part it, or list it"
