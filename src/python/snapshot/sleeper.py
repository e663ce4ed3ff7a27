"""The Python side of an image: what loading read of the environment and changed in it, and how the
interpreter goes on in a restored process. It is no module that an application could import."""

import gc
import io
import os
import sys

_kind = type(os.environ)
_at_first = {}
_set = {}
_removed = []
seen = set()
iterated = False


class _Recording(_kind):
    def __getitem__(self, key):
        seen.add(os.fsencode(key))
        return super().__getitem__(key)

    def __iter__(self):
        global iterated
        iterated = True
        return super().__iter__()

    def __len__(self):
        global iterated
        iterated = True
        return super().__len__()


def record():
    _at_first.update(os.environb)
    for environ in (os.environ, os.environb):
        environ.__class__ = _Recording


def recorded():
    """The variables that were read, whether all were, files, folders that the import system
    searched."""
    for environ in (os.environ, os.environb):
        environ.__class__ = _kind
    now = dict(os.environb)
    _set.update(item for item in now.items() if _at_first.get(item[0]) != item[1])
    _removed.extend(name for name in _at_first if name not in now)
    if iterated:
        seen.update(_at_first)
    files, folders = [], list(sys.path_importer_cache)
    site = sys.modules.get("site")
    user_site = getattr(site, "USER_SITE", None)
    if user_site:
        folders.append(user_site)
        if user_site in sys.path:
            seen.add(b"HOME")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            files.append(file)
    return seen, iterated, files, folders


def _hooks(kind):
    """As AWS Lambda calls them: what was registered last is closed first."""
    hooks = getattr(sys.modules.get("snapshot_restore_py"), "get_" + kind, list)()
    return list(hooks)


def before():
    for function, args, kwargs in reversed(_hooks("before_snapshot")):
        function(*args, **kwargs)
    gc.unfreeze()
    # What is not written yet would be written by every restored process.
    for kind in (io.TextIOWrapper, io.BufferedWriter):
        for file in gc.get_objects():
            if isinstance(file, kind) and not file.closed and file.writable():
                file.flush()


def temporary():
    """A folder that each restored process would remove at its end."""
    kind = getattr(sys.modules.get("tempfile"), "TemporaryDirectory", None)
    for folder in gc.get_objects():
        if type(folder) is not kind or not folder._finalizer.alive:
            continue
        if getattr(folder, "_delete", True):
            return os.path.abspath(folder.name)


def wake(variables):
    data = os.environ._data
    data.clear()
    data.update(variables)
    # What loading made of the environment: DJANGO_SETTINGS_MODULE, TZ.
    for name in _removed:
        os.environb.pop(name, None)
    for name, value in _set.items():
        os.environb[name] = value
    for function, args, kwargs in _hooks("after_restore"):
        function(*args, **kwargs)
