"""The console's way to a live matrix: one drafts, two others approve what they read; decisions show affordability."""

from decimal import Decimal

import msgspec
import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.models import AuditRow
from hub.tenancy import platform_scope
from risk.scoring.affordability import Means, document_of
from risk.scoring.models import PolicyMatrix
from tests import people
from tests.risk.borrowers import score
from tests.risk.matrix_factory import strict
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db
PLACE = "/console/scoring/policymatrix"


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    people.quick_passwords(settings)


def officer(name: str) -> Client:
    return people.signed_in(people.make(f"{name}@luopan.example", [Role.RISK_OFFICER]))


def newest() -> PolicyMatrix:
    with platform_scope():
        return PolicyMatrix.objects.latest("created_at")


def test_one_drafts_and_two_others_approve_what_they_read() -> None:
    line, tara = make_line(), officer("tara")
    assert "overstretched" in tara.get(f"{PLACE}/do/draft-matrix/").content.decode()
    cells = document_of(strict()).decode()
    tara.post(f"{PLACE}/do/draft-matrix/", {"line": str(line.id), "cells": cells})
    row = newest()
    approve, page = f"{PLACE}/{row.id}/do/approve-matrix/", f"{PLACE}/{row.id}/change/"
    assert f'value="{row.sha256}"' in tara.get(approve).content.decode()
    refused = tara.post(approve, {"sha256": row.sha256}).content.decode()
    assert "Whoever wrote a matrix cannot approve it" in refused
    with platform_scope():
        assert AuditRow.objects.filter(action="matrix.approval_refused").count() == 1
    assert "You wrote it" in tara.get(page).content.decode()
    rita, oscar = officer("rita"), officer("oscar")
    assert "One more person" in rita.post(approve, {"sha256": row.sha256}, follow=True).content.decode()
    assert "second approval" in oscar.post(approve, {"sha256": row.sha256}, follow=True).content.decode()
    assert newest().state == "live"
    assert "<td>review" in oscar.get(page).content.decode()
    assert str(row.id) in oscar.get("/console/").content.decode()
    assert oscar.get(approve).status_code == 404


def test_a_draft_that_was_written_anew_must_be_read_again() -> None:
    line, tara, rita = make_line(), officer("tara"), officer("rita")
    tara.post(f"{PLACE}/do/draft-matrix/", {"line": str(line.id), "cells": document_of(strict()).decode()})
    read = newest()
    looser = msgspec.to_builtins(strict())
    looser["cells"]["A"]["comfortable"]["limit_percent"] = 80
    edited = msgspec.json.encode(looser).decode()
    assert rita.post(f"{PLACE}/{read.id}/do/revise-matrix/", {"cells": edited}).status_code == 200  # refused
    assert newest().sha256 == read.sha256
    assert tara.post(f"{PLACE}/{read.id}/do/revise-matrix/", {"cells": edited}).status_code == 302
    told = rita.post(f"{PLACE}/{read.id}/do/approve-matrix/", {"sha256": read.sha256}).content.decode()
    assert "changed since you read it" in told


def test_a_decision_shows_what_was_affordable() -> None:
    make_champion(make_line())
    means = Means("HKD", Decimal(30000), "stated", Decimal(9000), Decimal(0), Decimal(50000), 24)
    scored = score(means=means)
    auditor = people.signed_in(people.make("audrey@luopan.example", [Role.AUDITOR]))
    page = auditor.get(f"/console/scoring/decision/{scored.decision_id}/change/").content.decode()
    assert "<dt>residual income</dt><dd>15000.00</dd>" in page
    assert "<dt>matrix version</dt><dd>2026-11</dd>" in page
