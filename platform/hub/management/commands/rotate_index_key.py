"""`manage.py rotate_index_key`: see deploy/runbooks/rotate-keys.md."""

from hub import rotation
from hub.rotation_command import RotateCommand


class Command(RotateCommand):
    """Take over what is indexed by another index key."""

    help = "Renew, while the platform serves, what is indexed by another index key; say when that key may go."
    kind = rotation.INDEX
    variable = "LUOPAN_INDEX_KEYS_ALSO"
