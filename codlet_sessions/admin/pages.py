"""What the pages of our own in the admin have in common."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

IS_BEFORE_6_1: Final = not hasattr(admin, "ActionLocation")
"""Whether Django has no actions on the change form (object tools stand in), no list of breadcrumbs, and no nonces."""

STYLES: Final = forms.Media(css={"all": ["codlet_sessions/admin.css"]})


def page_context(model_admin: "ModelAdmin[Any]", request: HttpRequest, title: str, list_url: str) -> dict[str, Any]:
    """
    Return what ``admin/codlet_sessions/session/page.html`` asks for.

    Args:
        model_admin: Whose page it is.
        request: The request; its links stay on the admin site of ``model_admin``.
        title: The page's heading.
        list_url: The list that the page belongs to.

    """
    vars(request)["current_app"] = model_admin.admin_site.name
    return {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "media": model_admin.media + STYLES,
        "list_url": list_url,
        "is_before_6_1": IS_BEFORE_6_1,
    }
