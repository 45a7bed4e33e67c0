"""The site that the tests talk to: each page in both worlds, the asynchronous one under ``/a/``."""

from django.contrib import admin
from django.urls import include, path

from tests.site import views

pages = [
    path("who/", views.who),
    path("who-twice/", views.who_twice),
    path("untouched/", views.untouched),
    path("sign-in/<str:subject>/", views.sign_in),
    path("sign-out/", views.sign_out),
    path("sign-in-and-fail/<str:subject>/", views.sign_in_and_fail),
    path("sign-in-and-raise/<str:subject>/", views.sign_in_and_raise),
    path("sign-out-and-raise/", views.sign_out_and_raise),
    path("forsake/", views.forsake),
    path("remember/<str:value>/", views.remember),
    path("recall/", views.recall),
    path("enter/<str:username>/", views.enter),
    path("leave/", views.leave),
    path("user/", views.user),
    path("both/", views.both),
    path("drop/<str:key>/", views.drop),
    path("empty/", views.empty),
    path("keep-for/<int:seconds>/", views.keep_for),
    path("remember-and-answer/<int:status>/", views.remember_and_answer),
    path("remember-and-raise/", views.remember_and_raise),
    path("change-password/", views.change_password),
    path("renew/", views.renew),
]
async_pages = [
    path("who/", views.awho),
    path("who-twice/", views.awho_twice),
    path("untouched/", views.auntouched),
    path("sign-in/<str:subject>/", views.asign_in),
    path("sign-out/", views.asign_out),
    path("sign-in-and-fail/<str:subject>/", views.asign_in_and_fail),
    path("sign-in-and-raise/<str:subject>/", views.asign_in_and_raise),
    path("sign-out-and-raise/", views.asign_out_and_raise),
    path("forsake/", views.aforsake),
    path("remember/<str:value>/", views.aremember),
    path("recall/", views.arecall),
    path("enter/<str:username>/", views.aenter),
    path("leave/", views.aleave),
    path("user/", views.auser),
    path("both/", views.aboth),
    path("drop/<str:key>/", views.adrop),
    path("empty/", views.aempty),
    path("keep-for/<int:seconds>/", views.akeep_for),
    path("remember-and-answer/<int:status>/", views.aremember_and_answer),
    path("remember-and-raise/", views.aremember_and_raise),
    path("change-password/", views.achange_password),
    path("renew/", views.arenew),
]
urlpatterns = [
    path("admin/", admin.site.urls),
    path("s/", include(pages)),
    path("a/", include(async_pages)),
    path("report/", views.report),
]
