"""Pages, read as a browser reads them."""

from html.parser import HTMLParser

from django.http import QueryDict


class _Inputs(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.files, self._in_note = [], [], False

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if tag == "input":
            self.found.append(facts)
        self._in_note = self._in_note or facts.get("class") == "codlet-note"
        self._in_name = self._in_note and tag == "bdi"

    def handle_endtag(self, tag):
        self._in_note = self._in_note and tag != "div"

    def handle_data(self, data):
        if self._in_note and self._in_name and data.strip():
            self.files.append(data)
            self._in_name = False


def _read(response):
    reader = _Inputs()
    reader.feed(response.text)
    return reader


def fields_of(response):
    """The inputs of a page, each with its attributes."""
    return _read(response).found


def hidden_fields_of(response):
    """What a form of the page would send by itself, less the CSRF token."""
    sends = QueryDict(mutable=True)
    for field in fields_of(response):
        if field.get("type") == "hidden" and field["name"] != "csrfmiddlewaretoken":
            sends.appendlist(field["name"], field["value"])
    return sends


def files_named(response):
    """The names of the files that the page says it cannot keep."""
    return _read(response).files
