"""Forms of the incident pages. They parse; the services decide what holds."""

from incidents.forms.arrange import SaveFiltersForm
from incidents.forms.compose import DescribeEntityForm, MergeForm, MergeWithForm, MoveAlertsForm, NewIncidentForm
from incidents.forms.fields import assignable, spoken_for
from incidents.forms.filter import FilterForm
from incidents.forms.manage import CommentForm, HoldForm, ManageAlertForm, ManageForm, ReasonForm, RestrictForm

__all__ = [
    "CommentForm",
    "DescribeEntityForm",
    "FilterForm",
    "HoldForm",
    "ManageAlertForm",
    "ManageForm",
    "MergeForm",
    "MergeWithForm",
    "MoveAlertsForm",
    "NewIncidentForm",
    "ReasonForm",
    "RestrictForm",
    "SaveFiltersForm",
    "assignable",
    "spoken_for",
]
