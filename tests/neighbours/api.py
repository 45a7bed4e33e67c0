"""The page as an API: whoever the session cookie signs in reads and writes their note."""

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


class Note(APIView):
    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"user": request.user.get_username(), "note": request.session.get("note")})

    def post(self, request):
        request.session["note"] = request.data["note"]
        return self.get(request)
