import os

from paste.deploy import loadapp

FOLDER = os.path.dirname(os.path.abspath(__file__))
application = loadapp("config:" + os.path.join(FOLDER, "paste_site.ini"))
