"""What is asked."""

from collections.abc import Callable

from benchmarks import asynchronous, cached, http, requests, stores
from benchmarks.people import World
from benchmarks.rounds import Race

Question = Callable[[World], Race]

QUESTIONS: dict[str, Question] = {
    question.__name__: question
    for question in (
        stores.validate,
        requests.request,
        cached.cached,
        asynchronous.async_one,
        asynchronous.async_many,
        http.wsgi,
        http.asgi,
    )
}
