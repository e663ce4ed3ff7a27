"""The environment while an application is loaded for an image. It is almost empty: the value of a variable
is fetched when the application reads it. Variables of a request never exist here; code that reads one, or
keeps a copy of all variables, is found out. Applications cannot import this module."""

import gc
import os
import posix
import sys

_kind = type(os.environ)
# Set to functions of this program.
_value = _names = _is_of_a_request = None

_standard = os.__file__[: -len("os.py")]
_given = {}
_ours = ()
_settled = set()
seen = set()
gone_through = _begun = False
kept = []

# Placeholders for a request's variables when all names are iterated: code that keeps one of these would
# keep those of a visitor.
_stand_ins = []
_stands_for = set()
_USUAL = (
    "HTTP_HOST HTTP_COOKIE HTTP_USER_AGENT HTTP_ACCEPT HTTP_AUTHORIZATION QUERY_STRING PATH_INFO "
    "REMOTE_ADDR REMOTE_USER REQUEST_METHOD REQUEST_URI SCRIPT_NAME SERVER_NAME SERVER_PORT "
    "SERVER_PROTOCOL CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE SCRIPT_FILENAME SERVER_ADDR "
    "SERVER_ADMIN SERVER_SOFTWARE"
).split()
# These functions copy all variables to find some, and do not keep the copy.
_PASSING = {("dotenv.main", "resolve_variables"), ("urllib.request", "getproxies_environment")}


# What C code makes from a name cannot be observed: code that iterates the names and uses one of these
# functions may keep the result.
_UNSEEN = set(
    "join encode dumps format format_map fullmatch findall finditer match search sub subn hash".split()
)


def _caller():
    """The code that uses the variables: the innermost code outside the mapping itself."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if name not in (__name__, "os", "_collections_abc", "collections.abc"):
            return name, frame.f_code.co_name
        frame = frame.f_back
    return None, None


def _is_passing():
    frame = sys._getframe(2)
    while frame is not None:
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) in _PASSING:
            return True
        frame = frame.f_back
    return False


def _read(name):
    """A variable is read: fetches it, unless the application has set or removed it."""
    if name in _settled or name in seen:
        return
    if _is_of_a_request(name):
        # Many libraries look for HTTP_PROXY, which never exists in CGI.
        if name != b"HTTP_PROXY" and not _is_passing():
            seen.add(name)
        return
    seen.add(name)
    data = os.environ._data
    if name not in data and name not in _given:
        value = _value(name)
        if value is not None:
            data[name] = _given[name] = value
            os.putenv(name, value)


def _stands_in(name):
    """Whether it is a placeholder that was returned when all names were iterated."""
    return gone_through and name in _stands_for


def _keeps(what):
    module, function = _caller()
    kept.append("`%s` %s" % (module, what))


class _StandIn(str):
    """A placeholder for the name of a request's variable, or a part of it. A comparison with it could have
    another result in another process, so it is recorded; a string made from it is a placeholder again."""

    __hash__ = str.__hash__


def _decided(*_):
    what = "compares variables' names with that of a request variable"
    if what not in kept:
        _keeps(what)


def _deciding(name):
    original = getattr(str, name)

    def method(self, *args):
        result = original(self, *args)
        is_trivial = isinstance(args[0], _StandIn) or args[0] == ""
        if result is not NotImplemented and result not in (False, -1) and not is_trivial:
            _decided()
        return result

    return method


def _stand_in(made):
    if isinstance(made, str):
        return _StandIn(made)
    if isinstance(made, (list, tuple)):
        return type(made)([_stand_in(part) for part in made])
    return made


def _deriving(name):
    original = getattr(str, name)
    return lambda self, *args, **kwargs: _stand_in(original(self, *args, **kwargs))


for _name in "__contains__ __eq__ count endswith find index rfind rindex startswith".split():
    setattr(_StandIn, _name, _deciding(_name))
for _name in (
    "__add__ __format__ __getitem__ __mul__ __rmul__ __str__ capitalize casefold center expandtabs lower "
    "lstrip partition removeprefix removesuffix replace rpartition rsplit rstrip split strip swapcase "
    "title translate upper zfill"
).split():
    setattr(_StandIn, _name, _deriving(_name))


class _Recording(_kind):
    def __getitem__(self, key):
        name = self.encodekey(key)
        _read(name)
        if name not in self._data and _stands_in(name):
            return self.decodevalue(b"")
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        _settled.add(self.encodekey(key))

    def __delitem__(self, key):
        name = self.encodekey(key)
        _read(name)
        if name in self._data or not _stands_in(name):
            super().__delitem__(key)
        _settled.add(name)

    def __iter__(self):
        global gone_through, _begun
        gone_through, _begun = True, True
        frame = sys._getframe(1)
        while frame.f_globals.get("__name__") in ("os", "_collections_abc", "collections.abc"):
            frame = frame.f_back
        if _UNSEEN.intersection(frame.f_code.co_names) and not _is_passing():
            _keeps("makes strings from the variables' names")
        return self._names()

    def _names(self):
        global _begun
        _begun = False
        mine = set(self._data) | (set(_names()) - _settled)
        for name in sorted(mine):
            yield self.decodekey(name)
        if not _is_passing():
            for name in _stand_ins:
                if os.fsencode(str.__str__(name)) in _settled:
                    continue
                yield name if self is os.environ else self.decodekey(os.fsencode(name))

    def __len__(self):
        # `list` and `sorted` call len() between creating the iterator and its first step.
        if not _begun and sys._getframe(1).f_code.co_name != "__len__":
            _keeps("counts the variables")
        return super().__len__()

    def __repr__(self):
        _keeps("calls repr() on os.environ")
        return super().__repr__()


class _Beneath(dict):
    """`posix.environ`, from which `os.environ` was made: using it is recorded."""


def _taking(name):
    original = getattr(dict, name)

    def method(self, *args, **kwargs):
        kept.append("something uses `posix.environ`")
        return original(self, *args, **kwargs)

    return method


for _name in (
    "__contains__ __delitem__ __eq__ __getitem__ __ior__ __iter__ __len__ __or__ __repr__ __ror__ "
    "__setitem__ clear copy get items keys pop popitem setdefault update values"
).split():
    if hasattr(dict, _name):
        setattr(_Beneath, _name, _taking(_name))


def record(ours, given, early):
    global _beneath, _ours
    _ours = ours
    _given.update(given)
    _beneath = posix.environ
    posix.environ = _Beneath(_beneath)
    _stand_ins.extend(map(_StandIn, _USUAL))
    _stands_for.update(map(os.fsencode, _USUAL))
    for code in early:
        _read_early(code)
    # Variables that this program sets only for C.
    for name in ours:
        for known in (os.environ._data, _given, _beneath):
            known.pop(name, None)
    for environ in (os.environ, os.environb):
        environ.__class__ = _Recording


def _read_early(code):
    """`sitecustomize` and the like run before the environment is watched: words in their code count as names
    of variables that they have read. They found only the few that are always set."""
    file = code.co_filename
    is_standard = file.startswith(("<frozen", _standard)) and "-packages" not in file
    if is_standard or file == "wsgi-cgi":
        return
    inner, names, words = [code], set(), set()
    while inner:
        part = inner.pop()
        names.update(part.co_names)
        words.update(constant for constant in part.co_consts if isinstance(constant, str))
        inner.extend(constant for constant in part.co_consts if hasattr(constant, "co_consts"))
    if not names.intersection(("environ", "environb", "getenv", "getenvb")):
        return
    for word in words:
        name = os.fsencode(word)
        if not word.isidentifier() or name in seen:
            continue
        seen.add(name)
        if name not in os.environ._data and not _is_of_a_request(name) and _value(name) is not None:
            kept.append("`%s` reads %s before the application is loaded" % (file, word))


def recorded():
    """The names that were read, whether all names were iterated, and how all variables were used."""
    for environ in (os.environ, os.environb):
        environ.__class__ = _kind
    posix.environ = _beneath
    if gone_through and not kept:
        gc.collect()
        known = {id(name) for name in _stand_ins}
        # One reference is in the list, another is the argument.
        is_kept = any(sys.getrefcount(_stand_ins[place]) > 2 for place in range(len(_stand_ins)))
        if is_kept or any(
            type(found) is _StandIn and id(found) not in known for found in gc.get_objects()
        ):
            kept.append("something keeps a copy of the variables' names")
    _stand_ins.clear()
    return seen, gone_through, kept


def changes(of_c, unset):
    """What loading changed in the environment (DJANGO_SETTINGS_MODULE, TZ), and where C's list, which started
    programs inherit, differs from `os.environ`."""
    data = os.environ._data
    made = {name: value for name, value in data.items() if _given.get(name) != value or name in _settled}
    removed = [name for name in _settled.union(_given) if name not in data]
    for name in _ours:
        of_c.pop(name, None)
    made_in_c = {name: value for name, value in of_c.items() if data.get(name) != value}
    removed_in_c = [name for name in {*unset, *data} if name not in of_c]
    return made, removed, made_in_c, removed_in_c
