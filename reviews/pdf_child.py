"""HTML on stdin, a style sheet as argument, PDF on stdout. Exit code 3 when pango is missing.

Imports nothing of the portal and fetches nothing.
"""

import sys
from typing import Any


def refuse(url: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    raise ValueError("This document fetches nothing.")


def main() -> int:
    try:
        from weasyprint import CSS, HTML
    except OSError:
        return 3
    sheet = CSS(filename=sys.argv[1])
    page = HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=refuse)
    page.write_pdf(sys.stdout.buffer, stylesheets=[sheet])
    return 0


if __name__ == "__main__":
    sys.exit(main())
