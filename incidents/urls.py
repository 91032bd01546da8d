"""Addresses of incidents, alerts, entities, search and what waits."""

from django.urls import URLPattern, path

from incidents.entity_facts import KINDS
from incidents.views import (
    alert,
    arrange,
    bind_known,
    dead_letters,
    entity,
    entity_list,
    erase,
    follow,
    incident,
    legal_holds,
    manage,
    merge,
    move,
    overview,
    queue,
    repeats,
    rules,
    search,
    service_level,
    story,
    summary,
    tabs,
    talk,
    taught,
    teach,
    waiting,
)

app_name = "incidents"

_QUEUE = [
    path("incidents/", queue.queue, name="queue"),
    path("incidents/filters/", queue.filters, name="filters"),
    path("incidents/arrived.json", queue.arrived, name="arrived"),
    path("incidents/export.csv", queue.export, name="export"),
    path("incidents/manage/", manage.manage, name="manage"),
    path("incidents/columns/", arrange.columns, name="columns"),
    path("incidents/saved/", arrange.saved_filters, name="saved-filters"),
    path("incidents/saved/new/", arrange.save_filters, name="save-filters"),
    path("incidents/merge/", merge.merge, name="merge"),
    path("incidents/new/", talk.new_incident, name="new"),
]
_INCIDENT = [
    path("incidents/<int:pk>/", incident.incident, name="incident"),
    path("incidents/<int:pk>/row/", queue.row, name="row"),
    path("incidents/<int:pk>/row/alerts/", queue.row_alerts, name="row-alerts"),
    path("incidents/<int:pk>/summary/", summary.summary, name="summary"),
    path("incidents/<int:pk>/head/", incident.header, name="head"),
    path("incidents/<int:pk>/tabs/", incident.tab_strip, name="tabs"),
    path("incidents/<int:pk>/assign-to-me/", manage.assign_to_me, name="assign-to-me"),
    path("incidents/<int:pk>/people/", talk.people, name="people"),
    path("incidents/<int:pk>/comment/", talk.comment, name="comment"),
    path("incidents/<int:pk>/follow/", follow.toggle_follow, name="follow"),
    path("incidents/<int:pk>/restrict/", talk.restrict, name="restrict"),
    path("incidents/<int:pk>/clocks/", service_level.pause, name="pause"),
    path("incidents/<int:pk>/move-alerts/", move.move, name="move-alerts"),
    path("incidents/<int:pk>/graph.json", story.graph, name="graph"),
    path("incidents/<int:pk>/nodes/<slug:key>/", story.node, name="node"),
    path("incidents/<int:pk>/panels/story/", story.story, name="tab-story"),
    path("incidents/<int:pk>/panels/alerts/", tabs.alerts, name="tab-alerts"),
    path("incidents/<int:pk>/panels/assets/", tabs.assets, name="tab-assets"),
    path("incidents/<int:pk>/panels/evidence/", tabs.evidence, name="tab-evidence"),
    path("incidents/<int:pk>/panels/activities/", tabs.activities, name="tab-activities"),
    path("incidents/<int:pk>/<slug:tab>/", incident.incident, name="incident"),
]
_ALERTS = [
    path("alerts/<int:pk>/", alert.alert, name="alert"),
    path("alerts/<int:pk>/pane/", alert.pane, name="alert-pane"),
    path("alerts/<int:pk>/manage/", alert.manage_alert, name="manage-alert"),
]
_DEAD_LETTERS = [
    path("admin/dead-letters/", dead_letters.letter_list, name="dead-letters"),
    path("admin/dead-letters/replay/", dead_letters.replay_checked, name="replay-letters"),
    path("admin/dead-letters/<int:pk>/", dead_letters.letter, name="dead-letter"),
    path("admin/dead-letters/<int:pk>/replay/", dead_letters.replay, name="replay-letter"),
    path("admin/dead-letters/<int:pk>/discard/", dead_letters.discard, name="discard-letter"),
]
_CORRELATION = [
    path("alerts/<int:pk>/correlation/", teach.teach_from, name="teach"),
    path("admin/correlation/", rules.rule_list, name="correlation"),
    path("admin/correlation/repeats/", repeats.try_what_repeats, name="try-repeats"),
    path("admin/correlation/taught/<int:pk>/decide/", taught.decide_taught, name="decide-taught"),
    path("admin/correlation/taught/<int:pk>/lift/", taught.lift_taught, name="lift-taught"),
    path("admin/correlation/<slug:key>/", rules.rule, name="correlation-rule"),
]
_HOLDS = [
    path("incidents/<int:pk>/hold/", legal_holds.place, name="place-hold"),
    path("admin/legal-holds/", legal_holds.hold_list, name="legal-holds"),
    path("admin/legal-holds/<int:pk>/lift/", legal_holds.lift, name="lift-hold"),
]
_ERASURE = [
    path(f"{base}/<int:pk>/erase/", erase.erase, {"kind": kind}, name=f"{kind}-erase")
    for kind, base in (("identity", "identities"), ("mailbox", "mailboxes"))
]
_CONNECTIONS = [
    path("admin/connections/<int:pk>/bind/", bind_known.bind_known, name="bind-known"),
    path("admin/connections/<int:pk>/unbind/", bind_known.unbind_known, name="unbind-known"),
]


def _of_entities() -> list[URLPattern]:
    found: list[URLPattern] = []
    for kind, spec in KINDS.items():
        base, given = f"{'identities' if kind == 'identity' else spec.plural}/", {"kind": kind}
        found += [
            path(base, entity_list.entity_list, given, name=f"{kind}-list"),
            path(f"{base}export.csv", entity_list.export, given, name=f"{kind}-export"),
            path(f"{base}<int:pk>/", entity.entity, given, name=kind),
            path(f"{base}<int:pk>/describe/", entity.describe, given, name=f"{kind}-describe"),
        ]
    return found


urlpatterns = [
    *_QUEUE,
    *_HOLDS,
    *_CORRELATION,
    *_ERASURE,
    *_INCIDENT,
    *_ALERTS,
    *_DEAD_LETTERS,
    *_CONNECTIONS,
    *_of_entities(),
    path("overview/", overview.overview, name="overview"),
    path("search/", search.results, name="search"),
    path("waiting/", waiting.waiting, name="waiting"),
]
