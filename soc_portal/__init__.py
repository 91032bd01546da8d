"""Puts the house together: settings, URLs, Celery and the order in which stages react."""

from soc_portal.celery import app as celery_app

__all__ = ["celery_app"]
