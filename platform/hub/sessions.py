"""Sessions in the database under the hash of their key: who reads the table cannot continue anybody's session."""

import hashlib
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from hub.clock import now

_LENGTH = 40  # of the framework's column; as hexadecimal digits 160 bits, no fewer than a key has


def stored_key(session_key: str) -> str:
    """Return under what a session is stored. A key is random and long: it needs no salt."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:_LENGTH]


class SessionStore(DatabaseStore):
    """The framework's store, but for what it calls the row."""

    def _get_session_from_db(self) -> Any:
        rows = self.model.objects.filter(expire_date__gt=now())
        found = rows.filter(session_key=stored_key(self.session_key or "")).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        """Tell whether there is such a session."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row to be saved."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete a session, by default this one."""
        if key := session_key or self.session_key:
            super().delete(stored_key(key))
