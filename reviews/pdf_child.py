"""HTML on stdin, a style sheet as argument, PDF on stdout. Exit code 3 when pango is missing.

Imports nothing of the portal and fetches nothing.
"""

import sys


def main() -> int:
    try:
        from weasyprint import CSS, HTML
        from weasyprint.urls import URLFetcher
    except OSError:
        return 3
    sheet = CSS(filename=sys.argv[1])
    page = HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=URLFetcher(allowed_protocols=()))
    page.write_pdf(sys.stdout.buffer, stylesheets=[sheet])
    return 0


if __name__ == "__main__":
    sys.exit(main())
