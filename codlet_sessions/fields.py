"""Columns that Django's own fields do not give on every database."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from codlet_sessions.records import LookupKey

if TYPE_CHECKING:
    _TextField = models.CharField[str, str]
    _BytesField = models.Field[Any, Any]
else:
    _TextField = models.CharField
    _BytesField = models.Field


class DigestField(_BytesField):
    """
    A digest of a fixed length: raw bytes in the database, lowercase hex characters in Python.

    Raw bytes because hex text makes an index 61 % larger. Not a `BinaryField`, because on MariaDB and MySQL that is a
    ``longblob``, which cannot be unique.
    """

    description = _("digest")
    length: ClassVar[int] = 16
    """In bytes."""
    _refusal: Any = _("A digest is %(length)d hexadecimal characters.")

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type: ``bytea``, ``binary(n)`` or ``BLOB``."""
        return {"postgresql": "bytea", "mysql": f"binary({self.length})"}.get(connection.vendor, "BLOB")

    def to_python(self, value: Any) -> Any:
        """
        Return ``value`` (hex text or raw bytes) as hex text.

        Raises:
            ValidationError: It is not as long as it must be, or no hex text. The value is not in the message.

        """
        if value is None:
            return None
        try:
            raw = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        except (TypeError, ValueError):
            raw = b""
        if len(raw) != self.length:
            raise ValidationError(self._refusal, code="invalid", params={"length": 2 * self.length})
        return self.of_bytes(raw)

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> Any:
        """Return the raw bytes of a row as hex text."""
        return None if value is None else self.of_bytes(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Return ``value`` as the driver wants its bytes."""
        digest = self.to_python(value)
        return None if digest is None else cast(Any, connection).Database.Binary(bytes.fromhex(digest))

    def value_to_string(self, obj: models.Model) -> str:
        """Return the hex text, for serializers."""
        return str(self.value_from_object(obj))

    def of_bytes(self, raw: Any) -> str:
        """Return what these bytes of a row are in Python."""
        return bytes(raw).hex()


class LookupKeyField(DigestField):
    """A lookup key: a digest of 32 bytes, in Python a `LookupKey`."""

    description = _("HMAC-SHA256 of a session secret")
    length: ClassVar[int] = 32
    _refusal: Any = _("A lookup key is 64 hexadecimal characters.")

    def of_bytes(self, raw: Any) -> LookupKey:
        """Return what these bytes of a row are in Python."""
        return LookupKey(bytes(raw).hex())


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
