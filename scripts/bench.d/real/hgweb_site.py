import os

from mercurial import demandimport

demandimport.enable()
from mercurial.hgweb import hgweb  # noqa: E402

application = hgweb(os.path.join(os.path.dirname(os.path.abspath(__file__)), "repository").encode())
