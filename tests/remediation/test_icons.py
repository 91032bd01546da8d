"""What a button shows is drawn."""

from pathlib import Path

from django.conf import settings

from remediation.catalog import all_actions


def test_the_icon_of_every_action_is_in_the_sheet() -> None:
    sheet = (Path(settings.BASE_DIR) / "static" / "img" / "icons.svg").read_text()
    assert [action.key for action in all_actions() if f'id="{action.icon}"' not in sheet] == []
