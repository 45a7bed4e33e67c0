"""The form to sign in by, with a box to stay signed in."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    """Django's, and whether this browser is to be remembered when it closes."""

    persistent = forms.BooleanField(label=_("Keep me signed in on this device"), required=False)
