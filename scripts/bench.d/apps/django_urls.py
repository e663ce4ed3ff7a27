"""The urls.py of startproject, the admin included, and one view."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path


def hello(request):
    return HttpResponse("hello\n", content_type="text/plain")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("", hello),
]
