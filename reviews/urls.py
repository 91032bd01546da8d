from django.urls import path

from reviews.views import (
    addenda,
    contacts,
    document,
    drills,
    figures,
    follow_up_list,
    follow_ups,
    lessons,
    levels,
    periods,
    readiness,
    review_list,
    review_page,
    sign,
    write,
)

app_name = "reviews"
_REVIEWS = [
    path("reviews/", review_list.review_list, name="list"),
    path("reviews/<int:incident_id>/", review_page.review_page, name="review"),
    path("reviews/<int:incident_id>/write/", write.write, name="write"),
    path("reviews/<int:incident_id>/findings/", write.add, name="add_finding"),
    path("reviews/<int:incident_id>/findings/<int:finding_id>/remove/", write.remove, name="remove_finding"),
    path("reviews/<int:incident_id>/follow-ups/", follow_ups.add, name="add_follow_up"),
    path("reviews/<int:incident_id>/sign/", sign.sign, name="sign"),
    path("reviews/<int:incident_id>/addenda/", addenda.add_to_signed, name="add_addendum"),
    path("reviews/<int:incident_id>/document/", document.document, name="document"),
    path("reviews/<int:incident_id>/document/file/", document.download, name="download"),
]
_FIGURES = [
    path("reports/", figures.figures, name="figures"),
    path("reports/figures.csv", figures.figures_csv, name="figures_csv"),
    path("reports/rows/", figures.rows, name="rows"),
    path("reports/rows.csv", figures.rows_csv, name="rows_csv"),
    path("reports/service-levels/", levels.service_levels, name="service_levels"),
    path("reports/detectors/", levels.detector_list, name="detectors"),
    path("reports/detectors.csv", levels.detectors_csv, name="detectors_csv"),
    path("reports/detectors/alerts/", levels.detector_alerts, name="detector_alerts"),
    path("reports/workload/", levels.people, name="workload"),
    path("reports/workload.csv", levels.people_csv, name="people_csv"),
    path("reports/attack/", levels.attack, name="attack"),
    path("reports/attack-layer.json", levels.layer, name="layer"),
    path("handover/", levels.handover_page, name="handover"),
]
_PERIODS = [
    path("reports/periods/", periods.period_list, name="periods"),
    path("reports/periods/new/", periods.new_period, name="new_period"),
    path("reports/periods/<int:pk>/", periods.period, name="period"),
    path("reports/periods/<int:pk>/file.pdf", periods.period_pdf, name="period_pdf"),
    path("reports/periods/<int:pk>/file.csv", periods.period_csv, name="period_csv"),
    path("reports/periods/<int:pk>/again/", periods.remake, name="remake_period"),
    path("reports/periods/<int:pk>/print/", periods.print_again, name="print_period"),
]
_FOLLOW_UPS = [
    path("follow-ups/", follow_up_list.follow_up_list, name="follow_ups"),
    path("follow-ups/export.csv", follow_up_list.follow_ups_csv, name="follow_ups_csv"),
    path("follow-ups/<int:pk>/change/", follow_up_list.change, name="change_follow_up"),
    path("follow-ups/<int:pk>/finish/", follow_up_list.finish, name="finish_follow_up"),
]
_LESSONS = [
    path("lessons/", lessons.lesson_list, name="lessons"),
    path("lessons/export.csv", lessons.lessons_csv, name="lessons_csv"),
    path("lessons/new/", lessons.new_lesson, name="new_lesson"),
    path("lessons/<int:pk>/", lessons.lesson, name="lesson"),
    path("lessons/<int:pk>/edit/", lessons.edit_lesson, name="edit_lesson"),
    path("lessons/<int:pk>/state/", lessons.set_lesson_state, name="lesson_state"),
    path("lessons/<int:pk>/link/", lessons.link, name="link_lesson"),
    path("lessons/<int:pk>/unlink/<int:incident_id>/", lessons.unlink, name="unlink_lesson"),
    path("lessons/<int:pk>/follow-up/", lessons.agree_follow_up, name="lesson_follow_up"),
]
_PREPARATION = [
    path("readiness/", readiness.readiness, name="readiness"),
    path("readiness/export.csv", readiness.readiness_csv, name="readiness_csv"),
    path("contacts/", contacts.contact_list, name="contacts"),
    path("contacts/export.csv", contacts.contacts_csv, name="contacts_csv"),
    path("contacts/new/", contacts.new_contact, name="new_contact"),
    path("contacts/<int:pk>/edit/", contacts.edit_contact, name="edit_contact"),
    path("contacts/<int:pk>/confirm/", contacts.confirm_contact, name="confirm_contact"),
    path("contacts/<int:pk>/remove/", contacts.delete_contact, name="delete_contact"),
    path("drills/", drills.drill_list, name="drills"),
    path("drills/export.csv", drills.drills_csv, name="drills_csv"),
    path("drills/new/", drills.new_drill, name="new_drill"),
    path("drills/<int:pk>/edit/", drills.edit_drill, name="edit_drill"),
    path("drills/<int:pk>/remove/", drills.delete_drill, name="delete_drill"),
]
urlpatterns = [*_REVIEWS, *_FIGURES, *_PERIODS, *_FOLLOW_UPS, *_LESSONS, *_PREPARATION]
