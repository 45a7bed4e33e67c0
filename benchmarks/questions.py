"""What is asked."""

from collections.abc import Callable

from benchmarks import (
    asynchronous,
    cached,
    growth,
    http,
    memory,
    processor,
    purge,
    requests,
    size,
    stores,
    ways,
    writes,
)
from benchmarks.people import World
from benchmarks.rounds import Answer, Race

Question = Callable[[World], Race | Answer]

QUESTIONS: dict[str, Question] = {
    question.__name__: question
    for question in (
        stores.validate,
        requests.request,
        cached.cached,
        asynchronous.async_one,
        asynchronous.async_many,
        ways.ways,
        http.wsgi,
        http.asgi,
        writes.issue,
        writes.login,
        writes.revoke,
        writes.everywhere,
        growth.growth,
        size.size,
        processor.processor,
        purge.purge,
        memory.memory,
    )
}
