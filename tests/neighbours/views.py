"""A page that says who you are and what you have noted, and takes a note: the session is all it has to keep it in."""

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template import engines

NOTES = """
<html><head><title>Notes</title></head><body>
{% for message in messages %}<p>{{ message }}</p>{% endfor %}
<p>{{ user.get_username|default:"Nobody" }} has noted: {{ request.session.note|default:"nothing" }}.</p>
<form method="post">{% csrf_token %}<input name="note"></form>
</body></html>
"""


def notes(request):
    if request.method == "POST":
        request.session["note"] = request.POST["note"]
        messages.success(request, "It is noted.")
        return redirect("notes")
    return HttpResponse(engines["django"].from_string(NOTES).render({}, request))


async def anotes(request):
    user = await request.auser()
    return JsonResponse({"user": user.get_username(), "note": await request.session.aget("note")})
