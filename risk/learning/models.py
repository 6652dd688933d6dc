"""The tables of learning: loan books and the label ledger, training runs and their checkpoints."""

from risk.learning.book_models import BookProblem, LabelEntry, LoanBook
from risk.learning.run_models import TrainingCheckpoint, TrainingRun

__all__ = ["BookProblem", "LabelEntry", "LoanBook", "TrainingCheckpoint", "TrainingRun"]
