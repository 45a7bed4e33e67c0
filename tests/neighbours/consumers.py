"""The page as a socket: it answers each message with who you are and what you have noted, and takes a note."""

from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer


class Notes(JsonWebsocketConsumer):
    def receive_json(self, content):
        session = self.scope["session"]
        if "note" in content:
            session["note"] = content["note"]
            session.save()
        self.send_json({"user": _name(self.scope), "note": session.get("note")})


class AsyncNotes(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        session = self.scope["session"]
        if "note" in content:
            await session.aset("note", content["note"])
            await session.asave()
        await self.send_json({"user": _name(self.scope), "note": await session.aget("note")})


def _name(scope):
    return scope["user"].get_username() if "user" in scope else None
