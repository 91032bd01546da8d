from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        from core.slots import Filling, fill
        from reviews.slots import incident_tab

        fill("incident.tabs", Filling("review", incident_tab, order=90))
