from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.signing.keys import NoKeys, SignerFolder, ensure_keys, replace_signing_key, root_fingerprint


class Command(BaseCommand):
    help = "Make the keys by which endpoint agents believe orders, or replace the one that signs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--replace", action="store_true", help="a new signing key; the old one lasts a week more")

    def handle(self, *args: Any, replace: bool, **options: Any) -> None:
        folder = SignerFolder.of_settings()
        try:
            if replace:
                self.stdout.write(f"orders are signed by {replace_signing_key(folder)} from now on")
                return
            made = ensure_keys(folder)
            if options["verbosity"] > 0:
                self.stdout.write(f"{'made' if made else 'kept'}; the root key is {root_fingerprint()}")
        except NoKeys as error:
            raise CommandError(str(error)) from error
