import os

os.environ["TRAC_ENV"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trac")
from trac.web.main import dispatch_request as application  # noqa: E402, F401
