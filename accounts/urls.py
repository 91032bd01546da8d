from django.urls import URLPattern, URLResolver, path

from accounts.views import me

app_name = "accounts"
urlpatterns: list[URLPattern | URLResolver] = [
    path("me/", me.profile, name="me"),
    path("me/password/", me.password, name="password"),
    path("me/appearance/", me.appearance, name="appearance"),
]
