"""The words of `./soc`."""

import sys

from soc_portal.up.errors import UpError
from soc_portal.up.words import run_word

if __name__ == "__main__":
    try:
        sys.exit(run_word(sys.argv[1], sys.argv[2:]))
    except UpError as error:
        sys.exit(f"soc: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
