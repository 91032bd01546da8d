from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        from core.slots import Filling, fill
        from reviews.erasure import declare_parts
        from reviews.readiness import declare_checks
        from reviews.retention import declare_reasons
        from reviews.services import (
            follow_up,  # noqa: F401 - declares what is told
            report_schedule,
        )
        from reviews.services import readiness as _readiness  # noqa: F401 - declares what is told
        from reviews.slots import incident_tab, lessons_of_before, signatures

        declare_checks()
        declare_reasons()
        declare_parts()
        report_schedule.register()
        fill("incident.tabs", Filling("review", incident_tab, order=90))
        fill("waiting.sections", Filling("signatures", signatures, "reviews/waiting.html", order=30))
        fill("overview.sections", Filling("signatures", signatures, "reviews/overview_waiting.html", order=30))
        fill("incident.remarks", Filling("lessons", lessons_of_before, template="reviews/remark.html", order=50))
