"""Cases, the routing ledger, offers, referrals, and the claims on applications; contracts in `contract_models`."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Self
from uuid import UUID

from django.db import models, transaction

from hub.crypto import DataKey
from hub.db.quick import append, run, write
from hub.errors import Conflict
from hub.ids import uuid7
from partners.referrals.contract_models import Contract, LenderDecision
from partners.referrals.flows import CASE, LIVE, OFFER, REFERRAL, TAKEN
from partners.referrals.replay_models import PolicyReplay

__all__ = [
    "Case",
    "Catalogue",
    "Contract",
    "FundedClaim",
    "LenderDecision",
    "Offer",
    "OpenApplicationClaim",
    "PolicyReplay",
    "Referral",
    "RoutingRun",
]


ALL = Decimal(1)  # the chance of everybody whom a credit policy wants: less only where its random arm let him in
_MOVE = "UPDATE referrals_case SET state = %s WHERE id = %s AND state = %s RETURNING 1"
_MOVE_TO_LENDER = "UPDATE referrals_case SET state = %s, lender_id = %s WHERE id = %s AND state = %s RETURNING 1"


class Case(models.Model):
    """An application as lenders meet it. `lender_id` has it now, and sees its state alone; `sandbox_id` is its world.

    What is known of the person is sealed under the platform's key of the person.
    """

    id = models.UUIDField(primary_key=True, editable=False)  # the application's
    sandbox_id = models.UUIDField(null=True, editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    product_class = models.SlugField(max_length=60, editable=False)
    currency = models.CharField(max_length=3, editable=False)
    amount = models.DecimalField(max_digits=15, decimal_places=2, editable=False)
    term_months = models.PositiveSmallIntegerField(editable=False)
    sealed = models.BinaryField(editable=False)
    decision_id = models.UUIDField(editable=False)
    pd_12m = models.DecimalField(max_digits=7, decimal_places=6, editable=False)
    grade = models.CharField(max_length=2, editable=False)
    action = models.CharField(max_length=10, editable=False)
    state = models.CharField(max_length=12, choices=CASE.choices(), default=CASE.first, editable=False)
    lender_id = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="referrals_case_asks_for_something", condition=models.Q(amount__gt=0, term_months__gt=0)
            ),
            models.CheckConstraint(name="referrals_case_pd_range", condition=models.Q(pd_12m__gte=0, pd_12m__lte=1)),
            models.CheckConstraint(
                name="referrals_case_referred_to_somebody",
                condition=~models.Q(state__in=["referred", "contracted", "funded"]) | models.Q(lender_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_class} {self.id}"

    @staticmethod
    def place(case_id: UUID) -> str:
        """Where the sealed part belongs."""
        return f"referrals_case|sealed|{case_id}"

    def open(self) -> None:
        """Add it; the database claims the person's one open application of the class, or refuses."""
        self.save(force_insert=True)

    def become(self, state: str, *, lender_id: UUID | None = None) -> None:
        """Change the state as the flow allows, from the state that this row was read in; `Conflict` if it moved on.

        A `lender_id` is who has the case from now on.
        """
        if state == self.state:
            return
        CASE.check(self.state, state)
        moved = (
            run(_MOVE_TO_LENDER, (state, lender_id, self.id, self.state))
            if lender_id
            else run(_MOVE, (state, self.id, self.state))
        )
        if not moved:
            raise Conflict("The application has moved on meanwhile.")
        self.state = state


class OpenApplicationClaim(models.Model):
    """One open application per person and product class (I11). The database makes and drops it with the case."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True, related_name="+")
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    product_class = models.SlugField(max_length=60, db_index=False)

    UNIQUE: ClassVar[str] = "referrals_openapplicationclaim_one"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "product_class"], name="referrals_openapplicationclaim_one")
        ]

    def __str__(self) -> str:
        return f"{self.product_class} {self.case_id}"


class FundedClaim(models.Model):
    """One funded loan per application (I2). The database makes it as a referral becomes funded, and keeps it."""

    application = models.OneToOneField(Case, on_delete=models.PROTECT, primary_key=True, related_name="+")
    referral_id = models.UUIDField(editable=False)
    institution_id = models.UUIDField(editable=False)
    at = models.DateTimeField(editable=False)

    UNIQUE: ClassVar[str] = "referrals_fundedclaim_pkey"

    def __str__(self) -> str:
        return f"{self.application_id} {self.referral_id}"


class Catalogue(models.Model):
    """All live products of a world as one run saw them; runs that saw the same share one. Never changed."""

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    document = models.BinaryField(editable=False)
    created_at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return self.digest[:12]

    @classmethod
    def keep(cls, *, digest: str, document: bytes, now: datetime) -> None:
        """Keep it, unless it is there."""
        if digest in _kept_catalogues:
            return
        if not Catalogue.objects.filter(digest=digest).exists():
            row = Catalogue(digest=digest, document=document, created_at=now)
            Catalogue.objects.bulk_create([row], ignore_conflicts=True)
        transaction.on_commit(lambda: _kept_catalogues.add(digest))  # for good: nobody changes or deletes one


_kept_catalogues: set[str] = set()


class RoutingRun(models.Model):
    """The routing ledger: one match, with the outcome of every live product of the world (see `matching.Ledger`).

    `digest` is the SHA-256 of the ledger: from the case, the catalogue, `full` (the products without budget), `seed`
    and the moment, the run replays to the same digest.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="runs", editable=False)
    catalogue = models.ForeignKey(Catalogue, on_delete=models.PROTECT, related_name="+", editable=False)
    rules = models.CharField(max_length=20, editable=False)
    seed = models.CharField(max_length=64, editable=False)
    full = models.JSONField(editable=False)
    ledger = models.JSONField(editable=False)
    digest = models.CharField(max_length=64, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.case_id} {self.at:%Y-%m-%d %H:%M}"


class Offer(models.Model):
    """A product's terms for one applicant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    institution_name = models.CharField(max_length=120, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="offers", editable=False)
    run = models.ForeignKey(RoutingRun, on_delete=models.PROTECT, related_name="offers", editable=False)
    product_id = models.UUIDField(editable=False)
    product_name = models.CharField(max_length=120, editable=False)
    rank = models.PositiveSmallIntegerField(editable=False)
    terms = models.JSONField(editable=False)
    lowered = models.BooleanField(default=False, db_default=False, editable=False)
    propensity = models.DecimalField(max_digits=5, decimal_places=4, default=ALL, db_default=ALL, editable=False)
    state = models.CharField(max_length=12, choices=OFFER.choices(), default=OFFER.first, editable=False)
    made_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-made_at", "rank"]
        constraints = [models.UniqueConstraint(fields=["run", "rank"], name="referrals_offer_rank")]

    def __str__(self) -> str:
        return f"{self.product_name} {self.id}"

    @classmethod
    def replace(cls, case: Case) -> None:
        """Let go what the borrower of a locked case has not accepted."""
        cls.objects.filter(case=case, state=OFFER.first).update(state="replaced")

    def become(self, state: str) -> None:
        """Change the state as the flow allows."""
        OFFER.check(self.state, state)
        self.state = state
        write(self, "state")


class Referral(models.Model):
    """The consented package that one institution received, sealed under that institution's key of the person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    institution_name = models.CharField(max_length=120, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="referrals", editable=False)
    offer = models.OneToOneField(Offer, on_delete=models.PROTECT, related_name="referral", editable=False)
    product_id = models.UUIDField(editable=False)
    product_name = models.CharField(max_length=120, editable=False)
    product_class = models.SlugField(max_length=60, editable=False)
    sandbox = models.BooleanField(editable=False)
    decision_id = models.UUIDField(editable=False)
    propensity = models.DecimalField(max_digits=5, decimal_places=4, default=ALL, db_default=ALL, editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    borrower_id = models.UUIDField(editable=False)  # the platform's key of the person: shown to no lender
    consent_id = models.UUIDField(editable=False)
    package = models.BinaryField(editable=False)
    terms = models.JSONField(editable=False)
    state = models.CharField(max_length=12, choices=REFERRAL.choices(), default=REFERRAL.first, editable=False)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    funded_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state__in=TAKEN), name="referrals_referral_one_lender_at_a_time"
            ),
            models.CheckConstraint(
                name="referrals_referral_funded_at",
                condition=models.Q(state="funded", funded_at__isnull=False)
                | (~models.Q(state="funded") & models.Q(funded_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="referrals_referral_expires_later", condition=models.Q(expires_at__gt=models.F("created_at"))
            ),
        ]
        indexes = [
            models.Index(fields=["institution_id", "created_at", "id"], name="referrals_referral_log"),
            models.Index(fields=["expires_at"], name="referrals_referral_due", condition=models.Q(state__in=LIVE)),
            models.Index(fields=["consent_id"], name="referrals_referral_consent"),
        ]

    def __str__(self) -> str:
        return f"{self.product_name} {self.id}"

    @staticmethod
    def place(referral_id: UUID) -> str:
        """Where the package belongs."""
        return f"referrals_referral|package|{referral_id}"

    @classmethod
    def create(
        cls, *, referral_id: UUID, offer: Offer, case: Case, person: DataKey, consent_id: UUID, package: bytes,
        expires_at: datetime, now: datetime,
    ) -> Self:  # fmt: skip
        """Hand the package of a case to the lender of an offer."""
        made = cls(
            id=referral_id, institution_id=offer.institution_id, institution_name=offer.institution_name, case=case,
            offer=offer, product_id=offer.product_id, product_name=offer.product_name,
            product_class=case.product_class, sandbox=case.sandbox_id is not None, decision_id=case.decision_id,
            propensity=offer.propensity, person=person, borrower_id=case.person_id, consent_id=consent_id,
            package=package, terms=offer.terms, created_at=now, expires_at=expires_at,
        )  # fmt: skip
        append(made)
        return made

    def become(self, state: str) -> None:
        """Change the state as the flow allows; not to funded."""
        REFERRAL.check(self.state, state)
        self.state = state
        write(self, "state")

    def fund(self, *, now: datetime) -> None:
        """Mark it funded: the database claims the application for it (FundedClaim), or refuses."""
        REFERRAL.check(self.state, "funded")
        self.state, self.funded_at = "funded", now
        write(self, "state", "funded_at")
