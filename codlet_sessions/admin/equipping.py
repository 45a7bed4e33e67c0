"""Giving the admin of users the sessions of each, where the host has not done so."""

from importlib import import_module
from types import new_class

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth import get_user_model
from django.utils.module_loading import module_has_submodule

from codlet_sessions.admin.users import SessionsOfUserAdmin


def equip(site: admin.AdminSite) -> None:
    """
    Register the admin of AUTH_USER_MODEL on ``site`` anew, as a subclass that has `SessionsOfUserAdmin`.

    Nothing happens when it has the mixin already, or when nobody has registered one. Calling this twice is safe.
    """
    model = get_user_model()
    if not site.is_registered(model):
        return
    kind = type(site.get_model_admin(model))
    if issubclass(kind, SessionsOfUserAdmin):
        return
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    equipped = new_class(kind.__name__, (SessionsOfUserAdmin, kind), exec_body=lambda body: body.update(names))
    site.unregister(model)
    site.register(model, equipped)


def equip_while_discovering() -> None:
    """
    Equip the default site while Django imports one admin module after another, and may not have come to the user's.

    That module is imported first, therefore: Django would do so in a moment. A host that does not let Django discover
    admin modules decides for itself which of them are imported.
    """
    app = apps.get_app_config(get_user_model()._meta.app_label)
    is_discovering = any(isinstance(config, AdminConfig) for config in apps.get_app_configs())
    if is_discovering and app.module is not None and module_has_submodule(app.module, "admin"):
        import_module(f"{app.name}.admin")
    equip(admin.site)
