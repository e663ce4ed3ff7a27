"""The Python side of an image: what the import system knows of loaded files, and how the interpreter
continues in a restored process. Applications cannot import this module."""

import gc
import _io as io
import os
import sys

_set = {}
_removed = []


_set_in_c = {}
_removed_in_c = []


def keep(made, removed, made_in_c, removed_in_c):
    """Stores what loading changed in the environment."""
    _set.update(made)
    _removed.extend(removed)
    _set_in_c.update(made_in_c)
    _removed_in_c.extend(removed_in_c)


def recorded():
    """Files of modules, and folders that the import system searched."""
    files, folders = [], list(sys.path_importer_cache)
    site = sys.modules.get("site")
    user_site = getattr(site, "USER_SITE", None)
    if user_site:
        folders.append(user_site)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str):
            files.append(file)
    return files, folders


def _hooks(kind):
    """The functions registered with `snapshot_restore_py`; those for before a snapshot run in reverse, as in
    AWS Lambda."""
    hooks = getattr(sys.modules.get("snapshot_restore_py"), "get_" + kind, list)()
    return list(hooks)


def before():
    """Prepares the application for its image. Returns why there can be none, or None."""
    for function, args, kwargs in reversed(_hooks("before_snapshot")):
        try:
            function(*args, **kwargs)
        except Exception as error:
            name = getattr(function, "__qualname__", repr(function))
            return (f"`{name}`, which the application registered to be called before an image is made (snapshot_restore_py), "
                    f"raised {type(error).__name__}: {error}")
    gc.unfreeze()
    if has_low_level_generator():
        return ("while loading, the application made a `_random.Random`, which cannot be seeded again: use "
                "`random.Random`, or make it when a request needs it")
    # Unwritten data in buffers would be written by every restored process.
    for kind in (io.TextIOWrapper, io.BufferedWriter):
        for file in gc.get_objects():
            if issubclass(type(file), kind) and not file.closed and file.writable():
                try:
                    file.flush()
                except Exception as error:
                    name = getattr(file, "name", repr(file))
                    return (f"cannot write what the application has left in the buffer of `{name}`: "
                            f"{error}: close the file after writing to it")


def has_low_level_generator():
    """Whether there are objects of `_random.Random` itself: their seed is unknown, and the garbage collector
    does not track them."""
    kind = getattr(sys.modules.get("_random"), "Random", None)
    return kind is not None and any(type(held) is kind for held in gc.get_referents(*gc.get_objects()))


def temporary():
    """A temporary folder that each restored process would remove at its end."""
    kind = getattr(sys.modules.get("tempfile"), "TemporaryDirectory", None)
    for folder in gc.get_objects():
        if type(folder) is not kind or not folder._finalizer.alive:
            continue
        if getattr(folder, "_delete", True):
            return os.path.abspath(folder.name)


def wake(variables):
    # `posix.environ` is the same object.
    data = os.environ._data
    data.clear()
    data.update(variables)
    # What loading changed in the environment, such as DJANGO_SETTINGS_MODULE or TZ.
    for name in _removed:
        os.environb.pop(name, None)
    for name, value in _set.items():
        os.environb[name] = value
    for name in _removed_in_c:
        os.unsetenv(name)
    for name, value in _set_in_c.items():
        os.putenv(name, value)
    threading = sys.modules.get("threading")
    if threading is not None:
        main = threading.main_thread()
        if getattr(main, "_native_id", None) is not None:
            main._native_id = threading.get_native_id()
    for function, args, kwargs in _hooks("after_restore"):
        function(*args, **kwargs)
