"""The tables of learning: loan books, the label ledger of books and outcomes, training runs and their checkpoints."""

from risk.learning.agreement_models import SharingAgreement
from risk.learning.book_models import BookProblem, LabelEntry, LoanBook
from risk.learning.hold_models import LabelHold
from risk.learning.outcome_models import OutcomeEntry
from risk.learning.run_models import TrainingCheckpoint, TrainingRun

__all__ = [
    "BookProblem",
    "LabelEntry",
    "LabelHold",
    "LoanBook",
    "OutcomeEntry",
    "SharingAgreement",
    "TrainingCheckpoint",
    "TrainingRun",
]
