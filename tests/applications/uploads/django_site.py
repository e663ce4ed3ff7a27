"""Says the length and the checksum of what was sent, as a user of Django reads it."""

from hashlib import sha256

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"], DATA_UPLOAD_MAX_MEMORY_SIZE=None, ROOT_URLCONF=__name__, SECRET_KEY="x"
)


def raw(request):
    return told(request.body)


def form(request):
    return told(request.FILES["file"].read())


def told(content):
    return HttpResponse("%d %s" % (len(content), sha256(content).hexdigest()))


urlpatterns = [path("raw", raw), path("form", form)]
application = get_wsgi_application()
