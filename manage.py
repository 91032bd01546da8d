#!/usr/bin/env python
"""Django's commands, in the environment of the instance in SOC_DATA_DIR unless DATABASE_URL names another."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soc_portal.settings")
    from soc_portal.up.environment import prepare_for_command
    from soc_portal.up.errors import UpError

    try:
        prepare_for_command(sys.argv[1:])
    except UpError as error:
        sys.exit(f"soc: {error}")

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
