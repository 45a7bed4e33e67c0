"""The pages that need nobody but Django."""

from django.contrib import admin
from django.urls import path

from tests.neighbours import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("notes/", views.notes, name="notes"),
    path("async-notes/", views.anotes),
]
