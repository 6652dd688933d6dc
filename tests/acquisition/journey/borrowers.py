"""Borrowers for tests: applications carried forward by the services, and their codes read as a person reads them."""

from typing import Any
from uuid import UUID

from django.test import Client

from acquisition.journey import gateway, services
from acquisition.journey.answers import STEPS
from hub.clock import now
from hub.tenancy import platform_scope

PHONE = "+85291234567"
GOOD: dict[str, Any] = {
    "amount": 60_000, "term": 24, "purpose": "tax", "employment": "salaried", "employment_years": 9.5,
    "housing": "mortgage", "essential_spending": 12_000, "monthly_income": 45_000, "existing_debt": 10_000,
    "monthly_payments": 2_000,
    "card_utilisation": 12.0, "open_accounts": 3, "history_months": 160, "inquiries_6m": 0, "delinquencies_24m": 0,
}  # fmt: skip
BAD = {
    **GOOD, "amount": 300_000, "term": 60, "purpose": "business", "employment": "part_time", "employment_years": 0.5,
    "housing": "rent", "essential_spending": 3_000, "monthly_income": 8_000, "existing_debt": 250_000,
    "monthly_payments": 6_000,
    "card_utilisation": 99.0, "inquiries_6m": 9, "delinquencies_24m": 6, "history_months": 3,
}  # fmt: skip


def begin(*, sandbox_id: UUID | None = None, consent: bool = True) -> UUID:
    """Start an application, with the consent unless told otherwise."""
    with platform_scope():
        made = services.start_application(sandbox_id=sandbox_id, language="en", now=now())
        if consent:
            services.give_consent(application_id=made, language="en", now=now())
    return made


def answer(application_id: UUID, answers: dict[str, Any]) -> None:
    """Answer every step."""
    with platform_scope():
        for step, fields in STEPS.items():
            given = {field: answers[field] for field in fields}
            services.save_answers(application_id=application_id, step=step, answers=given, language="en", now=now())


def code_of(application_id: UUID) -> str:
    """Return the code that the console's gateway wrote last for an application."""
    return (gateway.code_folder() / str(application_id)).read_text()


def prove(application_id: UUID, phone: str = PHONE) -> UUID:
    """Prove the number; return the borrower. Needs a test with real transactions: codes go out after the commit."""
    with platform_scope():
        services.send_code(application_id=application_id, phone=phone, now=now())
    with platform_scope():
        return services.prove_phone(application_id=application_id, digits=code_of(application_id), now=now())


def page(client: Client, application_id: UUID, name: str = "", /) -> Any:
    """Open a page of an application."""
    return client.get(f"/apply/{application_id}/{name}")


def send(client: Client, application_id: UUID, name: str, /, **data: Any) -> Any:
    """Send the form of a page."""
    return client.post(f"/apply/{application_id}/{name}", data)
