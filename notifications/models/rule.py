from django.contrib.postgres.fields import ArrayField
from django.db import models

from core import clock
from notifications.enums import ActionSource, RecipientKind, RuleKind
from notifications.queries.rules import RuleQuerySet


class Rule(models.Model):
    """Who is told of which incidents or actions. It reaches as far as its author may see, asked at every delivery.

    `severities` is `{"*": ["high", ...], "<source>": [...]}`: a source that is named has its own list. `tags` and
    `actions` empty mean any. A personal rule tells its author alone.
    """

    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=10, choices=RuleKind.choices)
    author = models.ForeignKey("accounts.User", models.CASCADE, related_name="notification_rules")
    personal = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    severities = models.JSONField(default=dict)
    all_groups = models.BooleanField(default=True, help_text="Device groups made later too.")
    device_groups = models.ManyToManyField("accounts.DeviceGroup", related_name="+", blank=True)
    tags = ArrayField(models.CharField(max_length=80), default=list)
    once = models.BooleanField(default=True, help_text="One message per incident.")
    action_source = models.CharField(max_length=10, choices=ActionSource.choices, default=ActionSource.BOTH)
    actions = ArrayField(models.CharField(max_length=60), default=list)
    outcomes = ArrayField(models.CharField(max_length=10), default=list)
    include_organisation = models.BooleanField(default=True)
    include_link = models.BooleanField(default=True)
    created = models.DateTimeField(default=clock.real_now)
    since = models.DateTimeField(default=clock.real_now, help_text="Hears only of what was told later.")

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["author", "personal", "name"], name="rule_name_once")]

    def __str__(self) -> str:
        return self.name


class RuleRecipient(models.Model):
    """One recipient of a rule, from `since` on: whoever is added hears only of what comes later."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="recipients")
    kind = models.CharField(max_length=10, choices=RecipientKind.choices)
    user = models.ForeignKey("accounts.User", models.CASCADE, null=True, related_name="+")
    address = models.EmailField(blank=True)
    endpoint = models.ForeignKey("notifications.Endpoint", models.CASCADE, null=True, related_name="recipients")
    since = models.DateTimeField(default=clock.real_now)

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "kind", "user", "address", "endpoint"], nulls_distinct=False, name="recipient_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.user or self.endpoint or self.address)


class RuleHit(models.Model):
    """That a rule has spoken of a subject, so that it does so once."""

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="hits")
    subject = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.real_now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="rule_hit_once")]

    def __str__(self) -> str:
        return self.subject
