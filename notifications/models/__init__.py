from notifications.models.message import Message
from notifications.models.notice import Notice

__all__ = ["Message", "Notice"]
