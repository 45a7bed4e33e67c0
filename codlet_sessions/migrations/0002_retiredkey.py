"""The table of lookup keys that have just been replaced."""

import codlet_sessions.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('codlet_sessions', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='RetiredKey',
            fields=[
                ('lookup_key', codlet_sessions.fields.LookupKeyField(editable=False, primary_key=True, serialize=False, verbose_name='lookup key')),
                ('retired_at', models.DateTimeField(verbose_name='retired')),
            ],
            options={
                'verbose_name': 'retired key',
                'verbose_name_plural': 'retired keys',
                'default_permissions': (),
            },
        ),
    ]
