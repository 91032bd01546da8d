from django.urls import path

from reviews.views import document, follow_ups, review_list, review_page, sign, write

app_name = "reviews"
urlpatterns = [
    path("reviews/", review_list.review_list, name="list"),
    path("reviews/<int:incident_id>/", review_page.review_page, name="review"),
    path("reviews/<int:incident_id>/write/", write.write, name="write"),
    path("reviews/<int:incident_id>/findings/", write.add, name="add_finding"),
    path("reviews/<int:incident_id>/findings/<int:finding_id>/remove/", write.remove, name="remove_finding"),
    path("reviews/<int:incident_id>/follow-ups/", follow_ups.add, name="add_follow_up"),
    path("reviews/<int:incident_id>/follow-ups/<int:follow_up_id>/", follow_ups.set_state, name="follow_up_state"),
    path("reviews/<int:incident_id>/sign/", sign.sign, name="sign"),
    path("reviews/<int:incident_id>/document/", document.document, name="document"),
    path("reviews/<int:incident_id>/document/file/", document.download, name="download"),
]
