"""The console's pages of loans, outcomes and files of reports."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.tenancy import platform_scope
from partners.loans.models import Loan, Outcome
from tests import people
from tests.partners.loan_factory import hand_in, life_of, make_loan, mature, ndjson, over

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(settings: Settings) -> Client:
    people.quick_passwords(settings)
    return people.signed_in(people.make(f"{uuid4().hex}@luopan.example", (Role.AUDITOR,), admin=False))


def text_of(reader: Client, name: str, *args: object) -> str:
    response = reader.get(reverse(f"admin:{name}", args=args))
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_loan_its_reports_and_its_outcome(reader: Client) -> None:
    loan = make_loan()
    rows = [(loan, body) for body in life_of(loan, missed=[6, 7])]
    batch = hand_in(loan.institution_id, ndjson(rows) + b"nonsense\n", when=over(loan))
    assert "None yet" in text_of(reader, "loans_loan_change", loan.id)
    mature(loan)
    page = text_of(reader, "loans_loan_change", loan.id)
    assert "indeterminate" in page
    assert loan.dues[-1][0].isoformat() in page
    assert str(loan.id) in text_of(reader, "loans_loan_changelist")
    with platform_scope():
        outcome = Outcome.objects.get(loan=loan)
    assert "indeterminate" in text_of(reader, "loans_outcome_changelist")
    assert str(loan.id) in text_of(reader, "loans_outcome_change", outcome.id)
    text_of(reader, "loans_performancebatch_changelist")
    assert "malformed_request" in text_of(reader, "loans_performancebatch_change", batch.id)
    assert "turned out indeterminate" in text_of(reader, "index")


def test_nothing_is_written_there(reader: Client) -> None:
    loan = make_loan()
    for name in ("change", "delete"):
        path = reverse(f"admin:loans_loan_{name}", args=[loan.id])
        assert reader.post(path, {"state": "closed"}).status_code == 403
    with platform_scope():
        assert Loan.objects.get(id=loan.id).state == "active"
