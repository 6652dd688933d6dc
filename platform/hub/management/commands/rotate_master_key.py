"""`manage.py rotate_master_key`: see deploy/runbooks/rotate-keys.md."""

from hub import rotation
from hub.rotation_command import RotateCommand


class Command(RotateCommand):
    """Take over what is sealed by another master key."""

    help = "Renew, while the platform serves, what is sealed by another master key; say when that key may go."
    kind = rotation.MASTER
    variable = "LUOPAN_MASTER_KEYS_ALSO"
