"""The environment while an application is loaded for an image. It holds next to nothing: what the
application reads by name is asked for then. What a request brings is never there; who reads it, or
keeps a copy of all variables, is found out. It is no module that an application could import."""

import gc
import os
import posix
import sys

_kind = type(os.environ)
# Replaced by the program's own functions.
_value = _names = _is_of_a_request = None

_standard = os.__file__[: -len("os.py")]
_given = {}
_ours = ()
_settled = set()
seen = set()
gone_through = _begun = False
kept = []

# Stand for a request's variables in the eyes of who goes through all names: what keeps one of these
# would have kept a visitor's.
_stand_ins = []
_stands_for = set()
_USUAL = (
    "HTTP_HOST HTTP_COOKIE HTTP_USER_AGENT HTTP_ACCEPT HTTP_AUTHORIZATION QUERY_STRING PATH_INFO "
    "REMOTE_ADDR REMOTE_USER REQUEST_METHOD REQUEST_URI SCRIPT_NAME SERVER_NAME SERVER_PORT "
    "SERVER_PROTOCOL CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE SCRIPT_FILENAME SERVER_ADDR "
    "SERVER_ADMIN SERVER_SOFTWARE"
).split()
# These copy all variables to look for some, and keep none.
_PASSING = {("dotenv.main", "resolve_variables"), ("urllib.request", "getproxies_environment")}


# What C makes of a name nobody sees: who goes through the names where such a function is at hand may keep
# what it gives.
_UNSEEN = set(
    "join encode dumps format format_map fullmatch findall finditer match search sub subn hash".split()
)


def _caller():
    """Who goes through the variables: the nearest code that is not the mapping's own."""
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
    """A variable is wanted: it is asked for, unless the application has settled what it is."""
    if name in _settled or name in seen:
        return
    if _is_of_a_request(name):
        # Many look for the exception, which is never there in CGI.
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
    """Whether who goes through all names has been told of it; that it is wanted is noted."""
    return gone_through and name in _stands_for


def _keeps(what):
    module, function = _caller()
    kept.append("%s in `%s`" % (what, module))


class _StandIn(str):
    """A name that stands for a request's variable, or a part of one. What is decided by it another
    process would decide otherwise; what is made of it is found where it is kept."""

    __hash__ = str.__hash__


def _decided(*_):
    what = "a decision rests on the name of a request's variable"
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
            _keeps("something is made of their names")
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
        # `list` and `sorted` ask how many will come, between an iterator's making and its first step.
        if not _begun and sys._getframe(1).f_code.co_name != "__len__":
            _keeps("their number is asked for")
        return super().__len__()

    def __repr__(self):
        _keeps("all of them are shown")
        return super().__repr__()


class _Beneath(dict):
    """`posix.environ`, which `os.environ` was made of: whoever looks there gets all of it."""


def _taking(name):
    original = getattr(dict, name)

    def method(self, *args, **kwargs):
        kept.append("`posix.environ` is used")
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
    # What this program gives C alone.
    for name in ours:
        for known in (os.environ._data, _given, _beneath):
            known.pop(name, None)
    for environ in (os.environ, os.environb):
        environ.__class__ = _Recording


def _read_early(code):
    """What customizes the interpreter runs before anybody looks: the names in its code are taken for
    those of variables that it has read. It has found none of them but those that are given unasked."""
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
    """The names that were read, a sum of all names where they were gone through, and who kept
    what of all variables."""
    for environ in (os.environ, os.environb):
        environ.__class__ = _kind
    posix.environ = _beneath
    if gone_through and not kept:
        gc.collect()
        known = {id(name) for name in _stand_ins}
        # The list has one reference, the call another.
        is_kept = any(sys.getrefcount(_stand_ins[place]) > 2 for place in range(len(_stand_ins)))
        if is_kept or any(
            type(found) is _StandIn and id(found) not in known for found in gc.get_objects()
        ):
            kept.append("a copy of their names is kept")
    _stand_ins.clear()
    return seen, gone_through, kept


def changes(of_c, unset):
    """What loading made of the environment (DJANGO_SETTINGS_MODULE, TZ), and where C's list, which
    programs get that are started, differs from `os.environ`."""
    data = os.environ._data
    made = {name: value for name, value in data.items() if _given.get(name) != value or name in _settled}
    removed = [name for name in _settled.union(_given) if name not in data]
    for name in _ours:
        of_c.pop(name, None)
    made_in_c = {name: value for name, value in of_c.items() if data.get(name) != value}
    removed_in_c = [name for name in {*unset, *data} if name not in of_c]
    return made, removed, made_in_c, removed_in_c
