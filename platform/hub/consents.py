"""Many claims of consent at once: judged by the rules of `hub.consent`, read and written together. Ids are texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.consent import Claim, ConsentEntry, refuse_unless_valid
from hub.db.columns import Cells, blobs, insert_columns, moments, texts, uuids
from hub.db.quick import run
from hub.errors import Conflict
from hub.ids import uuid7_texts

_KNOWN = """
SELECT reference_index, state, consent_id::text, person_id::text, purpose, recipient, text_version, expires_at
FROM hub_consententry WHERE institution_id = %s AND reference_index = ANY(%s)"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim with its indexes: `forms` to look for, `index` to write."""

    claim: Claim
    forms: tuple[bytes, ...]
    index: bytes


def claimed(claim: Claim) -> Claimed:
    """Return a claim as `Ledger` needs it."""
    forms = claim.forms
    return Claimed(claim, forms, forms[0] if len(forms) == 1 else claim.index)


@dataclass(slots=True)
class _Consent:
    """What is known of one consent. `of`: the claim by which it is recorded now."""

    id: str
    person_id: str
    purpose: str
    recipient: str
    text_version: str
    expires_at: datetime | None
    of: Claimed | None = None


class Ledger:
    """The consents of one institution that some claims are about: asked one by one, written together."""

    def __init__(self, institution_id: UUID, claims: Sequence[Claimed], *, now: datetime) -> None:
        """Read what is known of them. Tenant scope."""
        self._institution_id, self._now = institution_id, now
        forms = list({form for one in claims for form in one.forms})
        self._known: dict[bytes, _Consent] = {}
        self._withdrawn: set[bytes] = set()
        for index, state, *said in run(_KNOWN, (institution_id, forms)):
            if state == ConsentEntry.GIVEN:
                self._known[bytes(index)] = _Consent(*said)
            else:
                self._withdrawn.add(bytes(index))
        self._ids = uuid7_texts(len(claims))[::-1]
        self.new: list[_Consent] = []

    def require(self, one: Claimed, person_id: str) -> str:
        """Return the id of the consent that a claim stands for; errors as of `hub.consent.require`."""
        claim = one.claim
        given = next((self._known[form] for form in one.forms if form in self._known), None)
        if given is None:
            claim.refuse_senseless(self._now)
            given = _Consent(
                self._ids.pop(), person_id, claim.purpose, claim.recipient, claim.text_version, claim.expires_at, one
            )
        refuse_unless_valid(given, claim, person_id, self._now)
        if self._withdrawn.intersection(one.forms):
            raise Conflict("This consent was withdrawn: a new one is needed.")
        if given.of is one:
            self._known.update(dict.fromkeys(one.forms, given))
            self.new.append(given)
        return given.id

    def write_new(self) -> None:
        """Record those that were mentioned for the first time."""
        ones = [(given, given.of) for given in self.new if given.of is not None]
        if ones:
            insert_columns(ConsentEntry, _cells(ones), institution_id=self._institution_id, state=ConsentEntry.GIVEN,
                           recorded_at=self._now)  # fmt: skip


def _cells(ones: Sequence[tuple[_Consent, Claimed]]) -> dict[str, Cells]:
    ids = uuids([given.id for given, _ in ones])
    return {
        "id": ids,
        "consent_id": ids,
        "person_id": uuids([given.person_id for given, _ in ones]),
        "purpose": texts([given.purpose for given, _ in ones]),
        "recipient": texts([given.recipient for given, _ in ones]),
        "text_version": texts([given.text_version for given, _ in ones]),
        "reference_index": blobs([one.index for _, one in ones]),
        "at": moments([one.claim.given_at for _, one in ones]),
        "expires_at": moments([given.expires_at for given, _ in ones]),
    }
