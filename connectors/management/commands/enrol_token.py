import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import DeviceGroup
from connectors.services.agents.tokens import make_token
from core.actors import Actor


class Command(BaseCommand):
    help = "Make a token by which one machine can join as an endpoint agent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="what it is for, as people shall read it")
        parser.add_argument("--group", help="the device group that the machine joins (the default group without it)")
        parser.add_argument("--tag", action="append", default=[], help="a tag of the device; can be repeated")
        parser.add_argument("--hours", type=float, default=24.0, help="how long it can be used (24)")
        parser.add_argument("--approve", action="store_true", help="the machine is approved when it joins")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            group = DeviceGroup.objects.get(
                **({"name": options["group"]} if options["group"] else {"is_default": True})
            )
            made = make_token(
                name=options["name"], group=group, life=timedelta(hours=options["hours"]), tags=options["tag"],
                approve_at_once=options["approve"], actor=Actor.system("command line"),
            )  # fmt: skip
        except DeviceGroup.DoesNotExist:
            raise CommandError(f"there is no device group {options['group']!r}") from None
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        told = {"command": made.command, "url": settings.AGENTS_URL, "token": made.text,
                "expires": made.token.expires.isoformat()}  # fmt: skip
        self.stdout.write(json.dumps(told) if options["json"] else made.command)
