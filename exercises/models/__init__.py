from exercises.models.exercise import Exercise

__all__ = ["Exercise"]
