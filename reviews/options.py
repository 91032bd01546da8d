"""What the three clocks are held against. An admin sets the targets; a review keeps those of the day it was signed."""

from core.options import Option, declare

declare(
    Option(
        "reviews.target_acknowledge_min",
        30,
        "Target: acknowledge (minutes)",
        "First alert to first owner or In progress, for incidents of severity high.",
        minimum=1,
        maximum=10_000,
    )
)
declare(
    Option(
        "reviews.target_contain_min",
        60,
        "Target: contain (minutes)",
        "First alert to the first verified containment, for incidents of severity high.",
        minimum=1,
        maximum=100_000,
    )
)
declare(
    Option(
        "reviews.target_resolve_h",
        72,
        "Target: resolve (hours)",
        "First alert to the last close, for "
        "incidents of severity high. Medium has twice, lower severities four times as long.",
        minimum=1,
        maximum=10_000,
    )
)
