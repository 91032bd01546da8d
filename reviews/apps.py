from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        from core.slots import Filling, fill
        from reviews.retention import declare_reasons
        from reviews.slots import incident_tab

        declare_reasons()
        fill("incident.tabs", Filling("review", incident_tab, order=90))
