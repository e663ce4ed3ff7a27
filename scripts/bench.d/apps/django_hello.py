"""What `django-admin startproject mysite` made, with one view added."""

from mysite.wsgi import application  # noqa: F401
