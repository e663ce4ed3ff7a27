"""Answers with the standard library's CGIHandler: `standard.py FILE NAME`."""

import importlib
import os
import sys
from wsgiref.handlers import CGIHandler

file, name = sys.argv[1:]
folder, module = os.path.split(file)
sys.path[0] = folder
CGIHandler().run(getattr(importlib.import_module(module[:-len(".py")]), name))
