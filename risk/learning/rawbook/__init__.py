"""Any loan book as it lies on the disk, read without a mapping: good enough to measure learners, not to train for use.

Pure: no Django, no database. What a column is gets guessed from its texts, and every guess that matters is told.
"""

from risk.learning.rawbook.book import RawBook, read_book
from risk.learning.rawbook.table import RawBookError

__all__ = ["RawBook", "RawBookError", "read_book"]
