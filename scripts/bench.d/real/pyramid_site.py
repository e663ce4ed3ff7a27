from pyramid.config import Configurator
from pyramid.response import Response

with Configurator() as config:
    config.add_route("home", "/")
    config.add_view(lambda request: Response("hello\n"), route_name="home")
    application = config.make_wsgi_app()
