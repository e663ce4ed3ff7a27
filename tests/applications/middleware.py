"""An application inside middleware from PyPI, each under a name of its own."""

from paste.gzipper import middleware as gzipped
from paste.lint import middleware as checked
from webob import Response
from webob.dec import wsgify


@wsgify
def webob(request):
    """Answers through WebOb's request and response."""
    if request.method == "POST":
        fields = [f"{name}={value}" for name, value in sorted(request.POST.items())]
        return Response("\n".join(fields), content_type="text/plain")
    response = Response(f"{request.path_url}\n" * 100, content_type="text/plain")
    response.set_cookie("seen", "yes")
    response.conditional_response = True
    response.md5_etag()
    return response


@wsgify.middleware
def stamped(request, application):
    """Goes around any application, and adds a field."""
    response = request.get_response(application)
    response.headers["X-Stamped"] = "WebOb"
    return response


around_webob = stamped(webob)
lint = checked(webob)
gzip = gzipped(webob, compress_level=9)
all_of_them = checked(stamped(gzipped(checked(webob))))
