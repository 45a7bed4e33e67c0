"""ASVS 5.0, V7.2.4 and V7.5: what is asked of whoever changes something that matters, and of whoever ends sessions."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from codlet_sessions.api import sessions
from codlet_sessions.models import Session
from tests.test_recent import HERS, gate, long_ago, post

LIST = "/account/sessions/"


def test_7_2_4_reauthentication_makes_a_new_secret_and_the_old_one_is_dead(browser, ada):
    browser.get("enter/ada")
    long_ago()
    row, before = Session.objects.get(), browser.cookie
    post(browser, gate(browser), {"codlet_password": HERS})
    assert browser.cookie != before
    assert sessions.validate(before) is None
    browser.cookie = before
    assert browser.get("gated")["Location"].startswith("/accounts/login/")
    assert [kept.pk for kept in Session.objects.all()] == [row.pk]


def test_7_2_4_signing_in_again_makes_a_new_secret_and_the_old_one_is_dead(browser, ada):
    browser.get("enter/ada")
    before = browser.cookie
    browser.get("enter/ada")
    assert browser.cookie != before
    assert sessions.validate(before) is None


def test_7_5_1_a_change_of_what_matters_asks_for_the_password_and_then_goes_through(browser, ada):
    browser.get("enter/ada")
    long_ago()
    change = {"email": "ada@example.org"}
    assert post(browser, gate(browser), change).status_code == 403
    assert post(browser, gate(browser), {**change, "codlet_password": "wrong"}).status_code == 403
    answer = post(browser, gate(browser), {**change, "codlet_password": HERS})
    assert answer.json()["sent"] == {"email": ["ada@example.org"]}


def test_7_5_1_a_session_that_somebody_has_taken_over_cannot_confirm(browser, ada, grace):
    browser.get("enter/ada")
    long_ago()
    for guess in ("", "123456", "grace", ada.password):
        assert post(browser, gate(browser), {"a": "1", "codlet_password": guess}).status_code == 403
    authenticated_at = Session.objects.get().authenticated_at
    assert timezone.now() - authenticated_at > timedelta(hours=1)


def test_7_5_2_users_see_their_sessions_and_end_any_or_all_after_a_recent_sign_in(ada):
    here, elsewhere, third = (Client() for _ in range(3))
    for client in (here, elsewhere, third):
        client.post("/accounts/login/", {"username": "ada", "password": HERS})
    listed = here.get(f"{LIST}json/").json()["sessions"]
    assert [entry["is_current"] for entry in listed] == [True, False, False]
    long_ago()
    end = f"{LIST}{listed[2]['id']}/end/"
    assert here.post(end).status_code == 403
    assert here.post(end, {"codlet_password": HERS}).status_code == 302
    assert elsewhere.get(LIST).status_code == 302  # it signed in first, so it stood last
    assert third.get(LIST).status_code == 200
    here.post(f"{LIST}end-others/")
    assert third.get(LIST).status_code == 302
    assert here.get(LIST).status_code == 200


def test_7_5_2_nobody_ends_a_session_of_somebody_else(ada, grace):
    client = Client()
    client.post("/accounts/login/", {"username": "ada", "password": HERS})
    theirs = sessions.issue(grace)
    assert client.post(f"{LIST}{theirs.id}/end/").status_code == 404
    assert client.delete(f"{LIST}json/{theirs.id}/").status_code == 404
    assert sessions.validate(theirs.secret)


def test_7_5_3_what_is_highly_sensitive_asks_for_a_sign_in_of_this_very_minute(browser, ada):
    browser.get("enter/ada")
    long_ago(seconds=70)
    assert browser.get("gated").status_code == 200
    assert browser.get("gated-strictly").status_code == 302
    assert post(browser, gate(browser, "gated-strictly"), {"amount": "1000"}).status_code == 403
    answer = post(browser, gate(browser, "gated-strictly"), {"amount": "1000", "codlet_password": HERS})
    assert answer.json()["sent"] == {"amount": ["1000"]}
