"""Many claims of consent at once: judged by the rules of `hub.consent`, read and written together. Ids are texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.consent import Claim, ConsentEntry, refuse_unless_valid
from hub.crypto import written
from hub.db.columns import Cells, blobs, insert_columns, moments, select, texts, uuids
from hub.errors import Conflict
from hub.ids import uuid7_texts
from hub.persons import Forms

_KNOWN = """
SELECT reference_index, state, consent_id::text, person_id::text, purpose, recipient, text_version,
  expires_at, at
FROM hub_consententry WHERE institution_id = %s AND reference_index = ANY(%s)"""


@dataclass(slots=True)
class _Consent:
    """What is known of one consent. `forms`: of its reference, where it is recorded now."""

    id: str
    person_id: str
    purpose: str
    recipient: str
    text_version: str
    expires_at: datetime | None
    at: datetime
    forms: Forms = ()


class Ledger:
    """The consents of one institution that some claims are about: asked one by one, written together."""

    def __init__(self, institution_id: UUID, references: Sequence[Forms], *, now: datetime) -> None:
        """Read what is known of claims with these references (`Claim.forms`). Tenant scope."""
        self._institution_id, self._now = institution_id, now
        looked_for = blobs(list({form for forms in references for form in forms}))
        self._known: dict[bytes, _Consent] = {}
        self._withdrawn: set[bytes] = set()
        for index, state, *said in select(_KNOWN, (institution_id, looked_for)):
            if state == ConsentEntry.GIVEN:
                self._known[bytes(index)] = _Consent(*said)
            else:
                self._withdrawn.add(bytes(index))
        self._ids = uuid7_texts(len(references))[::-1]
        self.new: list[_Consent] = []

    def require(self, claim: Claim, forms: Forms, person_id: str) -> str:
        """Return the id of the consent that a claim stands for; errors as of `hub.consent.require`."""
        given = self._known.get(forms[0]) or next(
            (self._known[form] for form in forms[1:] if form in self._known), None
        )
        mentioned = given is not None
        if given is None:
            claim.refuse_senseless(self._now)
            given = _Consent(
                self._ids.pop(), person_id, claim.purpose, claim.recipient, claim.text_version, claim.expires_at,
                claim.given_at, forms,
            )  # fmt: skip
        refuse_unless_valid(given, claim, person_id, self._now)
        if self._withdrawn and self._withdrawn.intersection(forms):
            raise Conflict("This consent was withdrawn: a new one is needed.")
        if not mentioned:
            self._known.update(dict.fromkeys(forms, given))
            self.new.append(given)
        return given.id

    def write_new(self) -> None:
        """Record those that were mentioned for the first time."""
        if self.new:
            insert_columns(
                ConsentEntry, _cells(self.new), institution_id=self._institution_id, state=ConsentEntry.GIVEN,
                recorded_at=self._now,
            )  # fmt: skip


def _cells(new: Sequence[_Consent]) -> dict[str, Cells]:
    ids = uuids([given.id for given in new])
    return {
        "id": ids,
        "consent_id": ids,
        "person_id": uuids([given.person_id for given in new]),
        "purpose": texts([given.purpose for given in new]),
        "recipient": texts([given.recipient for given in new]),
        "text_version": texts([given.text_version for given in new]),
        "reference_index": blobs([written(given.forms) for given in new]),
        "at": moments([given.at for given in new]),
        "expires_at": moments([given.expires_at for given in new]),
    }
