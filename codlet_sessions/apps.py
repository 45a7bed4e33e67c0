"""The app: what it registers with Django."""

import sys

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class CodletSessionsConfig(AppConfig):
    """Registers the receivers and the system checks; everything else is found by Django's own conventions."""

    name = "codlet_sessions"
    verbose_name = _("Sessions")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register receivers and checks. Imported here, because they look at models and middleware."""
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_delete, post_save, pre_save

        from codlet_sessions import api, changes, checks, receivers

        changes.report_to(api.get_session_cache)
        user_logged_in.connect(receivers.begin_life_anew, dispatch_uid="codlet_sessions.begin_life_anew")
        for model in receivers.models_of_users():
            uid = f"codlet_sessions.{model.__qualname__}"
            pre_save.connect(receivers.look_at_own_session, sender=model, dispatch_uid=uid)
            post_save.connect(receivers.end_outdated_sessions, sender=model, dispatch_uid=uid)
            post_delete.connect(receivers.end_sessions_of_deleted, sender=model, dispatch_uid=uid)
        register(Tags.security)(checks.check_settings)
        register(Tags.security)(checks.check_middleware)
        register(Tags.security)(checks.check_profile)
        register(Tags.security)(checks.check_engine)
        register(Tags.security)(checks.check_cache)
        register(Tags.security, deploy=True)(checks.check_deployment)
        if "codlet_sessions.admin" in sys.modules:  # the admin has discovered every module, the site's own among them
            from django.contrib import admin

            from codlet_sessions.admin.equipping import equip

            equip(admin.site)
