"""django-debug-toolbar: what its panels show of a page's session."""

import json
import re

import pytest

PANEL = re.compile(r'id="(\w+Panel)" class="djdt-panelContent')


@pytest.fixture
def page(grace):
    grace.submit(grace.get("/notes/"), "note", note="buy milk")
    return grace.get("/notes/")


def test_the_request_panel_shows_the_session_s_keys_and_values(grace, page):
    request = panel(grace, page, "RequestPanel")
    session = request.partition("Session data")[2]
    assert shown(session)["note"] == "buy milk"
    assert {"_auth_user_id", "_auth_user_backend", "_auth_user_hash"} <= shown(session).keys()


def test_no_panel_shows_the_cookie(grace, page):
    panels = {name: panel(grace, page, name) for name in PANEL.findall(page.text)}
    assert "sessionid" in shown(panels["RequestPanel"])
    assert [name for name, content in panels.items() if grace.cookies["sessionid"] in content] == []


def panel(visitor, page, name):
    """What a panel shows about a page, as the toolbar's script would fetch it."""
    request_id = re.search(r'data-request-id="(\w+)"', page.text)[1]
    answer = visitor.get(f"/__debug__/render_panel/?request_id={request_id}&panel_id={name}")
    return json.loads(answer.text)["content"]


def shown(content):
    """The names and values of the tables in a panel."""
    cell = r"<td><code>(?:&#x27;)?(.*?)(?:&#x27;)?</code></td>"
    return dict(re.findall(rf"<tr>\s*{cell}\s*{cell}\s*</tr>", content))
