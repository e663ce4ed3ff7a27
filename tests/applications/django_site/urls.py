"""The admin, and a few pages without a database."""

from django.contrib import admin
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path


def page(request):
    return HttpResponse(f"{request.build_absolute_uri()}\n", "text/plain")


def stream(request):
    return StreamingHttpResponse((f"{number}\n" for number in range(5)), content_type="text/plain")


def download(request):
    return FileResponse(open(__file__, "rb"), as_attachment=True, filename="urls.py")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("page/", page),
    path("stream/", stream),
    path("download/", download),
]
