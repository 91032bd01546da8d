"""How a person arranges the queue: columns and their order, sets of filters under a name."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.services.profile import arrange_table
from core.htmx import done
from incidents.columns import BY_KEY, DEFAULT, TABLE, offered_to
from incidents.forms import SaveFiltersForm
from incidents.queue_view import QueueView
from incidents.services.saved_filters import arrange_filter_sets, save_filter_set

MAX_DIGITS = 18


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.READ)
def columns(request: AccountRequest) -> HttpResponse:
    """The dialog with the columns in order; it posts those that are shown, in the order in which they stand."""
    if request.method == "POST":
        chosen = [key for key in request.POST.getlist("column") if key in BY_KEY]
        if "standard" in request.POST or chosen == list(DEFAULT):
            chosen = []
        arrange_table(request.user, table=TABLE, columns=chosen, actor=request.user.actor)
        return done(request, "Columns saved", back=reverse("incidents:queue"), refresh=["#rows"])
    context = {"offered": offered_to(request.user), "back": reverse("incidents:queue")}
    return render(request, "incidents/columns.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.READ)
def save_filters(request: AccountRequest) -> HttpResponse:
    """Keeps the filters of the address under a name."""
    view = QueueView.read(request.GET, request.user)
    shown = {"query": view.query, "name": view.opened.name if view.opened else ""}
    form = SaveFiltersForm(request.POST if request.method == "POST" else None, initial=shown)
    if form.is_bound and form.is_valid():
        try:
            row = save_filter_set(request.user, **form.cleaned_data, actor=request.user.actor)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            back = f"{reverse('incidents:queue')}?{row.query}"
            return done(request, f"Filters saved as “{row.name}”", back=back, leave=True)
    chips = QueueView.read(QueryDict(form["query"].value() or ""), request.user).filters.chips({}, {}, sort="")
    context = {"form": form, "sets": view.sets, "chips": chips, "back": reverse("incidents:queue"),
               "action": reverse("incidents:save-filters")}  # fmt: skip
    return render(request, "incidents/save_filters.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.READ)
def saved_filters(request: AccountRequest) -> HttpResponse:
    """Renames, deletes and chooses the default of one's own sets."""
    sets, errors = list(request.user.saved_filters.all()), []
    if request.method == "POST":
        try:
            arrange_filter_sets(
                request.user,
                names={row.pk: request.POST.get(f"name-{row.pk}", row.name) for row in sets},
                default=_number(request.POST.get("default", "")),
                removed={pk for value in request.POST.getlist("remove") if (pk := _number(value))},
                actor=request.user.actor,
            )
        except ValidationError as error:
            errors = error.messages
        else:
            return done(request, "Saved filters changed", back=reverse("incidents:queue"), leave=True)
    context = {
        "sets": sets,
        "any_default": any(row.is_default for row in sets),
        "errors": errors,
        "back": reverse("incidents:queue"),
    }
    return render(request, "incidents/saved_filters.html", context, status=422 if errors else 200)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < MAX_DIGITS else None
