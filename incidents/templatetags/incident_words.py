"""Words of incident pages for what sources send."""

from django import template

from core import wording
from incidents.wording import system_label

register = template.Library()


@register.filter
def system(platform: str) -> str:
    return system_label(platform)


@register.filter
def defang_ends(display: str) -> str:
    """A connection, `10.0.0.1 to 203.0.113.77`, with neither end to be followed by accident."""
    return " to ".join(wording.defang(end) for end in display.split(" to "))
