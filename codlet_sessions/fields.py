"""Columns that Django's own fields do not give on every database."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from codlet_sessions.records import LookupKey

if TYPE_CHECKING:
    _TextField = models.CharField[str, str]
    _BytesField = models.Field[LookupKey | str, LookupKey]
else:
    _TextField = models.CharField
    _BytesField = models.Field

LOOKUP_KEY_BYTES = 32


class LookupKeyField(_BytesField):
    """
    A lookup key: 32 raw bytes in the database, 64 lowercase hex characters in Python.

    Raw bytes because hex text makes the unique index 61 % larger. Not a `BinaryField`, because on MariaDB and MySQL
    that is a ``longblob``, which cannot be unique.
    """

    description = _("HMAC-SHA256 of a session secret")

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type: ``bytea``, ``binary(32)`` or ``BLOB``."""
        return {"postgresql": "bytea", "mysql": f"binary({LOOKUP_KEY_BYTES})"}.get(connection.vendor, "BLOB")

    def to_python(self, value: Any) -> LookupKey | None:
        """
        Return ``value`` (hex text or raw bytes) as a `LookupKey`.

        Raises:
            ValidationError: It is neither 64 hex characters nor 32 bytes. The value is not in the message.

        """
        if value is None:
            return None
        try:
            raw = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        except (TypeError, ValueError):
            raw = b""
        if len(raw) != LOOKUP_KEY_BYTES:
            raise ValidationError(_("A lookup key is 64 hexadecimal characters."), code="invalid")
        return LookupKey(raw.hex())

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> LookupKey | None:
        """Return the raw bytes of a row as a `LookupKey`."""
        return None if value is None else LookupKey(bytes(value).hex())

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Return ``value`` as the driver wants its bytes."""
        key = self.to_python(value)
        return None if key is None else cast(Any, connection).Database.Binary(bytes.fromhex(key))

    def value_to_string(self, obj: models.Model) -> str:
        """Return the hex text, for serializers."""
        return str(self.value_from_object(obj))


class ExactCharField(_TextField):
    """
    Text that equals only itself.

    MariaDB and MySQL compare text without regard to case, accents or trailing spaces unless a column says otherwise:
    there ``Device:1`` could list, and end, the sessions of ``device:1``.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Return Django's own parameters, with a binary, unpadded collation on MariaDB and MySQL."""
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            is_mariadb = cast(Any, connection).mysql_is_mariadb
            parameters["collation"] = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
        return parameters
