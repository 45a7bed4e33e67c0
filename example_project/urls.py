"""The pages of the example site."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from example_project import views

urlpatterns = [
    path("", views.who, name="who"),
    path("async/", views.awho, name="awho"),
    path("sign-in/", LoginView.as_view(template_name="example_project/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=static("example_project/icon.svg"))),
    *staticfiles_urlpatterns(),  # only while DEBUG; a real site has its web server do this
]
