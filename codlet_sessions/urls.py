"""
The pages of this app: ``path("account/sessions/", include("codlet_sessions.urls"))``.

The list is at the path itself; the rest lies below it.
"""

from django.urls import path

from codlet_sessions import views

app_name = "codlet_sessions"

urlpatterns = [
    path("", views.SessionListView.as_view(), name="session_list"),
    path("confirm/", views.ConfirmView.as_view(), name="confirm"),
    path("end-others/", views.EndOthersView.as_view(), name="end_others"),
    path("json/", views.JsonListView.as_view(), name="json_list"),
    path("json/others/", views.JsonEndOthersView.as_view(), name="json_end_others"),
    path("json/<uuid:session_id>/", views.JsonEndSessionView.as_view(), name="json_end_session"),
    path("<uuid:session_id>/end/", views.EndSessionView.as_view(), name="end_session"),
]
