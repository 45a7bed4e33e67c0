"""All pages of the site."""

from debug_toolbar.toolbar import debug_toolbar_urls
from django.urls import include, path

from tests.neighbours import urls
from tests.neighbours.api import Note

urlpatterns = [
    *urls.urlpatterns,
    *debug_toolbar_urls(),
    path("accounts/", include("allauth.account.urls")),
    path("api/note/", Note.as_view()),
]
