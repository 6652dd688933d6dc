"""Who signs in: staff of the platform and members of institutions. Borrowers have no account."""

from collections.abc import Collection
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, Group, PermissionsMixin
from django.db import models

from hub.clock import now
from hub.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user; without a password he cannot sign in until one is set."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a member of staff with every right."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # OAuth's model has no types
    """A person who signs in with an e-mail address, a password and a second factor."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    institution_id = models.UUIDField(null=True, blank=True, help_text="A member's institution; empty for staff.")
    is_staff = models.BooleanField(default=False, help_text="May open the console.")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="accounts_user_staff_or_member",
                condition=models.Q(is_staff=False) | models.Q(institution_id__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return the name, as the console's pages ask for it."""
        return self.name

    def clean(self) -> None:
        """Keep addresses in lower case: one person, one account."""
        super().clean()
        self.email = self.email.lower()

    @classmethod
    def by_email(cls, email: str) -> "User | None":
        """Return the user of an address, None where there is none."""
        return cls.objects.filter(email=email.strip().lower()).first()

    @cached_property
    def roles(self) -> frozenset[str]:
        """The names of the groups this person is in."""
        return frozenset(self.groups.values_list("name", flat=True))

    def hold(self, roles: Collection[str]) -> None:
        """Hold exactly these roles; a group is made at its first use."""
        self.groups.set([Group.objects.get_or_create(name=str(role))[0] for role in roles])
        self.__dict__.pop("roles", None)

    def renew_password(self, password: str) -> None:
        """Set another password; sessions under the old one end."""
        self.set_password(password)
        self.save(update_fields=["password"])

    def switch(self, *, active: bool) -> None:
        """Close the account or open it again."""
        self.is_active = active
        self.save(update_fields=["is_active"])
