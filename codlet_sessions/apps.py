"""The app: what it registers with Django."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class CodletSessionsConfig(AppConfig):
    """Registers the system checks; everything else is found by Django's own conventions."""

    name = "codlet_sessions"
    verbose_name = _("Sessions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks. Imported here, because they look at models and middleware."""
        from codlet_sessions import checks

        register(Tags.security)(checks.check_settings)
        register(Tags.security)(checks.check_middleware)
        register(Tags.security)(checks.check_profile)
        register(Tags.security, deploy=True)(checks.check_deployment)
