"""The table of what `purge_sessions` counts, once a day."""

import codlet_sessions.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('codlet_sessions', '0003_life'),
    ]

    operations = [
        migrations.CreateModel(
            name='Census',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('state', models.CharField(choices=[('active', 'active'), ('expired', 'expired'), ('revoked', 'revoked')], max_length=16, verbose_name='state')),
                ('key_version', codlet_sessions.fields.ExactCharField(max_length=64, verbose_name='key version')),
                ('count', models.PositiveBigIntegerField(verbose_name='sessions')),
            ],
            options={
                'verbose_name': 'census',
                'verbose_name_plural': 'censuses',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('day', 'state', 'key_version'), name='codlet_sessions_census_row')],
            },
        ),
    ]
