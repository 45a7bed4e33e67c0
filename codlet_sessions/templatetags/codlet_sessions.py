"""What the templates of this package need."""

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

register = template.Library()


@register.simple_tag
def codlet_stylesheet() -> str:
    """
    Return the address of the stylesheet, or "" if the host has none to offer.

    The page for an outage uses it, which must not fail because ``collectstatic`` has not been run.
    """
    try:
        return static("codlet_sessions/pages.css")
    except (ValueError, ImproperlyConfigured):
        return ""
