"""The example site in the language of its reader, under the strictest policy that its pages could be served with."""

from tests.example_settings import *  # noqa: F403
from tests.example_settings import MIDDLEWARE

ROOT_URLCONF = "tests.browser_urls"
MIDDLEWARE = [
    "tests.site.middleware.StrictPolicy",
    *MIDDLEWARE,
    "django.middleware.locale.LocaleMiddleware",
]
