"""The pages of the example site."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView, PasswordChangeView
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.templatetags.static import static
from django.urls import include, path, reverse_lazy
from django.views.generic import RedirectView

from codlet_sessions.recent import recent_sign_in_required
from codlet_sessions.views import LoginView
from example_project import views

change_password = PasswordChangeView.as_view(
    template_name="example_project/change_password.html", success_url=reverse_lazy("codlet_sessions:session_list")
)

urlpatterns = [
    path("", views.who, name="who"),
    path("async/", views.awho, name="awho"),
    path("sign-in/", LoginView.as_view(template_name="example_project/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("account/sessions/", include("codlet_sessions.urls")),
    path("account/password/", recent_sign_in_required(change_password), name="change-password"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("example_project/icon.svg"))),
    *staticfiles_urlpatterns(),  # only while DEBUG; a real site has its web server do this
]
