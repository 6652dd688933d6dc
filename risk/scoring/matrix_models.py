"""Policy matrices and their approvals; what a matrix says is checked before it is written (`affordability.faults`)."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.db import models

from hub.ids import uuid7
from risk.scoring.affordability import Matrix, digest_of, document_of, read_matrix
from risk.scoring.flows import MATRIX


class PolicyMatrix(models.Model):
    """A line's matrix of grade and affordability: bytes that two people approve, neither of them its author."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey(
        "scoring.ModelLine", on_delete=models.PROTECT, related_name="matrices", editable=False
    )  # fmt: skip
    number = models.PositiveIntegerField(editable=False)
    state = models.CharField(max_length=10, choices=MATRIX.choices(), default=MATRIX.first, editable=False)
    document = models.BinaryField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    author_id = models.UUIDField(editable=False)
    created_at = models.DateTimeField(editable=False)

    LIVE: ClassVar[str] = "live"

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["line", "number"], name="scoring_policymatrix_number"),
            models.UniqueConstraint(
                fields=["line"], condition=models.Q(state="live"), name="scoring_policymatrix_one_live"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line.name} matrix {self.number}"

    @classmethod
    def draft(
        cls, *, line_id: UUID, institution_id: UUID | None, number: int, matrix: Matrix, author_id: UUID, now: datetime
    ) -> Self:
        """Add a draft."""
        return cls.objects.create(
            line_id=line_id, institution_id=institution_id, number=number, document=document_of(matrix),
            sha256=digest_of(matrix), author_id=author_id, created_at=now,
        )  # fmt: skip

    def rewrite(self, matrix: Matrix) -> None:
        """Write other cells into a draft: what was approved of it before counts no more."""
        self.document, self.sha256 = document_of(matrix), digest_of(matrix)
        self.save(update_fields=["document", "sha256"])

    def become(self, state: str) -> None:
        """Change the state as the flow allows."""
        MATRIX.check(self.state, state)
        self.state = state
        self.save(update_fields=["state"])

    def matrix(self) -> Matrix:
        """Return what it says; ValueError where the bytes are not those of its SHA-256."""
        matrix = read_matrix(bytes(self.document))
        if digest_of(matrix) != self.sha256:
            raise ValueError(f"{self} is not what was approved")
        return matrix


class MatrixApproval(models.Model):
    """One person's approval of one matrix, bound to the bytes that he saw."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    matrix = models.ForeignKey(PolicyMatrix, on_delete=models.PROTECT, related_name="approvals", editable=False)
    user_id = models.UUIDField(editable=False)
    author_id = models.UUIDField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["matrix", "user_id", "sha256"], name="scoring_matrixapproval_once"),
            models.CheckConstraint(
                name="scoring_matrixapproval_not_by_author", condition=~models.Q(user_id=models.F("author_id"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.matrix_id}"
