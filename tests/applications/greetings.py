"""The application of site.ini."""


def make_application(global_settings, text):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode(), b"\n"]

    return application
