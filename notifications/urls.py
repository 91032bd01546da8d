from django.urls import URLPattern, URLResolver, path

from notifications.views import arrived, choices, endpoints, inbox, pulses, rules, sending

app_name = "notifications"
_HOOK = "admin/notifications/endpoints/"
_RULE = "notification-rules/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("notices/", inbox.inbox, name="inbox"),
    path("notices/bell/", inbox.bell, name="bell"),
    path("notices/mail-arrived/", arrived.mail_arrived, name="mail-arrived"),
    path("notices/mark/", inbox.mark_notices, name="mark"),
    path("notices/<int:pk>/", inbox.open_notice, name="open"),
    path("me/notifications/", choices.choices, name="choices"),
    path(f"me/{_RULE}new/<slug:kind>/", rules.new_own_rule, name="new-own-rule"),
    path(f"admin/{_RULE}", rules.rule_list, name="rules"),
    path(f"admin/{_RULE}new/<slug:kind>/", rules.new_rule, name="new-rule"),
    path(f"{_RULE}<int:pk>/", rules.rule, name="rule"),
    path(f"{_RULE}<int:pk>/edit/", rules.edit_rule, name="edit-rule"),
    path(f"{_RULE}<int:pk>/delete/", rules.delete_rule, name="delete-rule"),
    path(f"{_RULE}<int:pk>/switch/", rules.switch, name="switch-rule"),
    path(f"{_RULE}<int:pk>/test/", rules.test, name="test-rule"),
    path("admin/notifications/", sending.sending, name="sending"),
    path("admin/notifications/test-mail/", sending.test_mail, name="test-mail"),
    path("admin/notifications/log/", sending.log, name="log"),
    path("admin/notifications/log/<int:pk>/", sending.dispatch, name="dispatch"),
    path("admin/sources/", pulses.sources, name="sources"),
    path("admin/sources/<int:pk>/limit/", pulses.limit, name="limit"),
    path("admin/sources/<int:pk>/forget/", pulses.forget, name="forget"),
    path(f"{_HOOK}new/", endpoints.new_endpoint, name="new-endpoint"),
    path(f"{_HOOK}<int:pk>/", endpoints.endpoint, name="endpoint"),
    path(f"{_HOOK}<int:pk>/edit/", endpoints.edit_endpoint, name="edit-endpoint"),
    path(f"{_HOOK}<int:pk>/rotate/", endpoints.rotate, name="rotate-endpoint"),
    path(f"{_HOOK}<int:pk>/delete/", endpoints.delete_endpoint, name="delete-endpoint"),
    path(f"{_HOOK}<int:pk>/resume/", endpoints.resume, name="resume-endpoint"),
    path(f"{_HOOK}<int:pk>/switch/", endpoints.switch, name="switch-endpoint"),
    path(f"{_HOOK}<int:pk>/test/", endpoints.test, name="test-endpoint"),
]
