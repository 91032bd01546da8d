"""The library: list, add, look into, delete."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core import blobs
from core.downloads import download as give
from core.htmx import done
from live_response.acts import CHANGE_LIBRARY
from live_response.forms import LibraryForm
from live_response.limits import MOST_LIBRARY
from live_response.models import LibraryFile, LiveCommand
from live_response.refused import NotPossible
from live_response.seal import signature_fits
from live_response.services.library import delete_file, put_in, take_content

MOST_SHOWN = 200_000
MOST_USES = 50
UPLOADED = "application/octet-stream"


@require_safe
@requires(keys.LIVE_BASIC)
def library(request: AccountRequest) -> HttpResponse:
    """Every file, and whether it still fits its signature."""
    rows = [{"file": one, "fits": signature_fits(one)} for one in LibraryFile.objects.select_related("blob")]
    context = {"rows": rows, "may_manage": request.user.holds(keys.LIVE_LIBRARY)}
    return render(request, "live_response/library.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_LIBRARY)
@step_up.needs(CHANGE_LIBRARY)
def add(request: AccountRequest) -> HttpResponse:
    """Take a file in."""
    form = LibraryForm(request.POST or None, user=request.user)
    back = reverse("live_response:library")
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            file = put_in(
                given["content"], name=given["name"], description=given["description"], parameters=given["parameters"],
                overwrite=given["overwrite"], actor=request.user.actor,
            )  # fmt: skip
        except (ValidationError, NotPossible) as error:
            form.add_error(None, " ".join(getattr(error, "messages", [str(error)])))
        else:
            return done(request, f"{file.name} is in the library", back=back, leave=True)
    return render(request, "live_response/library_add.html", {"form": form, "back": back},
                  status=422 if form.errors else 200)  # fmt: skip


@require_POST
@requires(keys.LIVE_LIBRARY)
@step_up.needs(CHANGE_LIBRARY)
def upload(request: AccountRequest) -> JsonResponse:
    """Take a content as it comes, piece by piece; the answer is a ticket for the form."""
    length = request.headers.get("Content-Length", "")
    if request.content_type != UPLOADED or not length.isdecimal() or not 0 < int(length[:12]) <= MOST_LIBRARY:
        return JsonResponse({"message": f"A file has 1 byte to {MOST_LIBRARY // 1024**2} MiB."}, status=422)
    try:
        ticket, blob = take_content(request, user=request.user)
    except ValidationError as error:
        return JsonResponse({"message": " ".join(error.messages)}, status=422)
    except UnreadablePostError:
        return JsonResponse({"message": "The file broke off."}, status=400)
    return JsonResponse({"ticket": ticket, "size": blob.size, "sha256": blob.sha256})


@require_safe
@requires(keys.LIVE_BASIC)
def file(request: AccountRequest, pk: int) -> HttpResponse:
    """One file: its text, and where it was used on devices that I may see."""
    found = get_object_or_404(LibraryFile.objects.select_related("blob"), pk=pk)
    with blobs.opened(found.blob) as stored:
        content = stored.read(MOST_SHOWN)
    text = content.decode(errors="replace") if b"\x00" not in content[:4_096] else ""
    uses = LiveCommand.objects.visible_to(request.user).filter(library_file=found).exclude(session=None)
    context = {
        "file": found, "text": text.replace("\x00", "\N{REPLACEMENT CHARACTER}"), "fits": signature_fits(found),
        "cut": found.size > MOST_SHOWN, "may_manage": request.user.holds(keys.LIVE_LIBRARY),
        "uses": uses.select_related("session", "device").order_by("-created", "-id")[:MOST_USES],
        "crumbs": [{"label": "Live response", "url": reverse("live_response:sessions")},
                   {"label": "Library", "url": reverse("live_response:library")}, {"label": found.name}],
    }  # fmt: skip
    return render(request, "live_response/file.html", context)


@require_safe
@requires(keys.LIVE_BASIC)
def download(request: AccountRequest, pk: int) -> HttpResponseBase:
    """What is in the library is the SOC's own: it is handed out as it is."""
    found = get_object_or_404(LibraryFile.objects.select_related("blob"), pk=pk)
    return give(blobs.pieces(found.blob), name=found.name)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_LIBRARY)
@step_up.needs(CHANGE_LIBRARY)
def delete(request: AccountRequest, pk: int) -> HttpResponse:
    """Asks, and deletes; what was put onto devices stays there."""
    found = get_object_or_404(LibraryFile, pk=pk)
    back = reverse("live_response:library")
    if request.method == "POST":
        delete_file(found.name, actor=request.user.actor)
        return done(request, f"{found.name} is deleted", back=back, leave=True)
    return render(request, "live_response/library_delete.html", {"file": found, "back": back})
