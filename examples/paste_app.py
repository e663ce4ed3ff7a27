"""The application of site.ini: a factory gets the settings and returns an application."""


def make_application(global_settings, greeting="Hi"):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{greeting} from PasteDeploy!\n".encode()]

    return application
