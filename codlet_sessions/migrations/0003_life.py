"""The life of a session: its idle end, the credentials and the device it began with, whether its cookie is kept."""

from typing import Any

import codlet_sessions.fields
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def leave_room_on_each_page(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """
    Have PostgreSQL fill pages of the table to nine tenths, so that a touch finds room beside the row it replaces (HOT).

    For pages written from now on. Takes a lock that lets reads and writes pass.
    """
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE "codlet_sessions_session" SET (fillfactor = 90)')


def fill_pages(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE "codlet_sessions_session" RESET (fillfactor)')


class Migration(migrations.Migration):

    dependencies = [
        ('codlet_sessions', '0002_retiredkey'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='auth_hash',
            field=codlet_sessions.fields.DigestField(editable=False, null=True, verbose_name="digest of the user's credentials"),
        ),
        migrations.AddField(
            model_name='session',
            name='device',
            field=codlet_sessions.fields.DigestField(editable=False, null=True, verbose_name='digest of the device'),
        ),
        migrations.AddField(
            model_name='session',
            name='idle_expires_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='expires if not used'),
        ),
        migrations.AddField(
            model_name='session',
            name='is_persistent',
            field=models.BooleanField(editable=False, null=True, verbose_name='kept by the browser when it closes'),
        ),
        migrations.RunPython(leave_room_on_each_page, fill_pages, hints={'model_name': 'session'}),
    ]
