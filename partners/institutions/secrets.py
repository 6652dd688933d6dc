"""How client secrets are kept."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ClientSecretHasher(PBKDF2PasswordHasher):
    """PBKDF2 with few rounds: a secret of ours has 285 random bits, and no rounds are needed against guessing.

    A password's many rounds would only let anybody who knows a client_id keep the token endpoint busy.
    """

    algorithm = "pbkdf2_client_secret"
    iterations = 1_000
