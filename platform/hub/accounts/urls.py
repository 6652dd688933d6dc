"""The pages of signing in. Of allauth's pages only those are here that an account given by the operator needs."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.webauthn import views as webauthn
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from hub.accounts import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="mfa_index"), name="account"),
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/", views.ChangePassword.as_view(), name="account_change_password"),
    path("2fa/", mfa.index, name="mfa_index"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("2fa/app/", never_cache(views.ActivateApp.as_view()), name="mfa_activate_totp"),
    path("2fa/app/remove/", views.DeactivateApp.as_view(), name="mfa_deactivate_totp"),
    path("2fa/codes/", never_cache(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("2fa/codes/new/", views.GenerateCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("2fa/codes/download/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("2fa/passkeys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("2fa/passkeys/add/", never_cache(views.AddPasskey.as_view()), name="mfa_add_webauthn"),
    path("2fa/passkeys/<int:pk>/remove/", views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("2fa/passkeys/<int:pk>/edit/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("2fa/passkeys/confirm/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("2fa/passkeys/login/", webauthn.login_webauthn, name="mfa_login_webauthn"),
]
