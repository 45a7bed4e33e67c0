"""The user of a session that came without one, from a cache for instance: by a statement that is compiled once, too."""

from typing import Any

from django.db import connections, router

from codlet_sessions.stores.compiled import Compiled, compiled, rows_of

_statements: dict[tuple[type[Any], str], Compiled] = {}


def user_under(model: type[Any], user_id: object) -> Any:
    """
    Return what ``model._default_manager.get(pk=user_id)`` would, whose manager must be one of Django's; None if nobody.

    One query, to the database that the routers name for reading users, as with Django's own ``get_user()``.

    Raises:
        django.db.Error: The database failed.

    """
    using = router.db_for_read(model)
    names = [field.attname for field in model._meta.concrete_fields]
    if (statement := _statements.get((model, using))) is None:
        one = model._default_manager.using(using).filter(pk=user_id)
        statement = _statements[model, using] = compiled(one, names, using)
    connection = connections[using]
    key = model._meta.pk.get_db_prep_value(user_id, connection)
    rows = rows_of(statement, [key], connection)
    return model.from_db(using, names, rows[0]) if rows else None
