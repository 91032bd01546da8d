from django.db.models import TextChoices


class Channel(TextChoices):
    PAGE = "page", "In the portal"
    MAIL = "mail", "E-mail"
