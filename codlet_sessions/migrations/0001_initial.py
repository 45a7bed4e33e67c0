"""The table of sessions."""

import codlet_sessions.fields
import codlet_sessions.ids
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(default=codlet_sessions.ids.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='id')),
                ('lookup_key', codlet_sessions.fields.LookupKeyField(editable=False, verbose_name='lookup key')),
                ('key_version', codlet_sessions.fields.ExactCharField(max_length=64, verbose_name='key version')),
                ('subject', codlet_sessions.fields.ExactCharField(blank=True, default='', max_length=255, verbose_name='subject')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created')),
                ('authenticated_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='authenticated')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('last_seen_at', models.DateTimeField(blank=True, null=True, verbose_name='last seen')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                ('revoked_reason', models.CharField(blank=True, default='', max_length=32, verbose_name='reason')),
                ('revoked_by', codlet_sessions.fields.ExactCharField(blank=True, default='', max_length=255, verbose_name='revoked by')),
                ('user_agent', models.CharField(blank=True, default='', max_length=256, verbose_name='user agent')),
                ('ip_address', models.GenericIPAddressField(blank=True, null=True, verbose_name='network address')),
                ('data', models.TextField(blank=True, default='', editable=False, verbose_name='data')),
                ('data_version', models.PositiveIntegerField(default=0, editable=False, verbose_name='data version')),
                ('user', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'permissions': [('revoke_session', 'Can revoke session')],
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['subject'], name='codlet_sessions_subject'), models.Index(fields=['expires_at'], name='codlet_sessions_expires_at')],
                'constraints': [models.UniqueConstraint(fields=('lookup_key',), name='codlet_sessions_lookup_key')],
            },
        ),
    ]
