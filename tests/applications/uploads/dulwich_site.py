"""A repository that dulwich, on which klaus is built too, lets everybody push to."""

from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

application = make_wsgi_chain(DictBackend({"/repository": Repo("@folder@/repository")}))
