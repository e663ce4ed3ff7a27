#!/usr/local/bin/wsgi-cgi
"""Django in one file. A project made by `django-admin startproject mysite` needs two lines
instead, in a script beside manage.py:

    #!/usr/local/bin/wsgi-cgi
    from mysite.wsgi import application

The packages are found in a virtual environment named venv or .venv, in this file's folder or the
one above.
"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path, reverse

settings.configure(
    # Each request is a new process: a key that is made up anew each time would end all sessions.
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "for trying out only"),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
)


def index(request):
    return HttpResponse(f"Ask {reverse('greeting', args=['Ada'])}\n", "text/plain")


def greeting(request, name):
    return HttpResponse(f"Hello, {name}!\n", "text/plain")


urlpatterns = [
    path("", index),
    path("hello/<name>", greeting, name="greeting"),
]

application = get_wsgi_application()
