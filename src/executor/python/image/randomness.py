"""Random generators in Python: those that loading seeded randomly are seeded again in each restored
process; those that it seeded with a constant continue from there. Applications cannot import this
module."""

import os
import sys
import time

_began = time.time()
# The module of each draw, and whether the generator seeded with it is seeded again.
_draws = []
_numbers = {}
# The origin of each generator's seed and the module that seeded it, by the generator's id. Generators of
# numpy are kept alive, so that no id is reused.
_seeded = {}
_kept = []
# The same for states that were taken from generators.
_states = {}
# The constants in code that has to do with random numbers.
_constants = set()
_standard = os.__file__[: -len("os.py")]
# What to do in each restored process.
_renewals = []


def drew(data, module):
    if len(_draws) >= 10000:
        return
    _draws.append([module, False])
    if 4 <= len(data) <= 256:
        for number in (
            int.from_bytes(data, "big"),
            int.from_bytes(data, "little"),
            int.from_bytes(data.hex().encode(), "big"),
        ):
            _numbers.setdefault(number, len(_draws) - 1)


def _drawn(number):
    """Whether a number was drawn. `getrandbits` drops up to seven bits."""
    found = _numbers.get(number)
    if found is None and number >> 31:
        bits = number.bit_length()
        for drawn, place in _numbers.items():
            extra = drawn.bit_length() - bits
            if 0 < extra < 8 and drawn >> extra == number:
                found = place
                break
    if found is not None:
        _draws[found][1] = True
    return found is not None


# The origin of a seed: random, so that another process would have another one; or a constant in the code.
# None if unknown.
CHANCE, CODE = "chance", "code"


def _small_number():
    """The opcode that contains a small number (Python 3.14), which is then not among the constants."""
    code = compile("201", "", "eval").co_code
    # If the number is a constant, the instruction has its index, 0.
    return next((name for name, value in zip(code[::2], code[1::2]) if value == 201), None)


_SMALL_NUMBER = _small_number()


def executed(code):
    """Collects the constants of a module, if it has to do with random numbers: such a number is not random."""
    inner, found = [code], []
    while inner:
        code = inner.pop()
        found.append(code)
        inner.extend(part for part in code.co_consts if hasattr(part, "co_consts"))
    if any(_of_random_numbers(name) for code in found for name in code.co_names + code.co_varnames):
        for code in found:
            _constants.update(_constants_of(code))


def _of_random_numbers(name):
    name = name.lower()
    return "seed" in name or "random" in name or "rng" in name


def _constants_of(code):
    found = set(_values(code.co_consts))
    if _SMALL_NUMBER is not None:
        pairs = zip(code.co_code[::2], code.co_code[1::2])
        found.update((int, value) for name, value in pairs if name == _SMALL_NUMBER)
    return found


def _values(constants):
    """The constants with their types, as 1 == True."""
    for constant in constants:
        if isinstance(constant, (tuple, frozenset)):
            yield from _values(constant)
        elif isinstance(constant, (int, float, str, bytes)):
            yield type(constant), constant


def _is_constant(seed):
    """Whether it is a constant in code: in that of a running function or module, or in code that has to do
    with random numbers."""
    known = {(type(seed), seed)}
    # `Random` appends to bytes their SHA-512, and encodes a str to bytes.
    if isinstance(seed, int) and seed >> 512:
        seed >>= 512
        data = seed.to_bytes((seed.bit_length() + 7) // 8, "big")
        known = {(bytes, data)}
        try:
            known.add((str, data.decode()))
        except UnicodeError:
            pass
    if isinstance(seed, int) and seed < 0:
        known.add((int, -seed))
    if known & _constants:
        return True
    frame = sys._getframe()
    while frame:
        file = frame.f_code.co_filename
        is_standard = file.startswith(("<", _standard)) and "-packages" not in file
        if not is_standard and known & _constants_of(frame.f_code):
            return True
        frame = frame.f_back
    return False


def _origin(seed):
    if seed is None:
        return CHANCE
    if hasattr(seed, "tolist"):
        seed = seed.tolist()
    if isinstance(seed, (list, tuple)):
        origins = [_origin(part) for part in seed]
        if CHANCE in origins:
            return CHANCE
        return None if None in origins else CODE
    if isinstance(seed, (bytes, bytearray)):
        if _is_constant(bytes(seed)):
            return CODE
        seed = int.from_bytes(seed, "big")
    if not isinstance(seed, (int, float)) or seed != seed:
        return None
    for unit in (1, 1000, 1000000, 1000000000):
        if (_began - 1) * unit <= abs(seed) <= (time.time() + 1) * unit:
            return CHANCE
    if isinstance(seed, int):
        number = abs(seed)
        if number == os.getpid() or _drawn(number) or number >> 512 and _drawn(number >> 512):
            return CHANCE
    return CODE if _is_constant(seed) else None


def _hash(state):
    try:
        if isinstance(state, dict):
            state = state.get("state", state)
            state = state.get("key", state) if isinstance(state, dict) else state
        elif len(state) == 5 or len(state) == 3:
            state = state[1]
        if hasattr(state, "tobytes"):
            state = state.tobytes()
        return hash(state)
    except Exception:
        return None


def seeded(generator, seed, keep, module):
    _seeded[id(generator)] = _origin(seed), module
    if keep:
        _kept.append(generator)


def state_taken(generator, state):
    _states[_hash(state)] = _seed_of(generator)


def state_put(generator, state, keep, module):
    _seeded[id(generator)] = _states.get(_hash(state), (None, module))
    if keep:
        _kept.append(generator)


def _seed_of(generator):
    """The origin of its seed, and the module that seeded it."""
    for known in (generator, getattr(generator, "_bit_generator", None)):
        if id(known) in _seeded:
            return _seeded[id(known)]
    source = _source(generator)
    if source is not None:
        return _origin(source.entropy), "numpy.random"
    # Generators of Python are seeded randomly by default. Old ones of numpy do not tell.
    is_old = type(generator).__module__.startswith("numpy.")
    return (None, "numpy.random") if is_old else (CHANCE, "")


def _source(generator):
    """The SeedSequence of a numpy generator."""
    bits = getattr(generator, "_bit_generator", generator)
    return getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)


def end():
    """Decides. Returns the modules whose draws all processes would share, and a module that seeded a
    generator with a value of unknown origin."""
    import gc

    modules = sys.modules.get
    python = getattr(modules("random"), "Random", None)
    system = getattr(modules("random"), "SystemRandom", None)
    first = getattr(modules("random"), "_inst", None)
    bits = getattr(modules("numpy.random.bit_generator"), "BitGenerator", None)
    source = getattr(modules("numpy.random.bit_generator"), "SeedSequence", None)
    old = getattr(modules("numpy.random.mtrand"), "RandomState", None)
    sources, rest, unknown = [], [], []
    # Frozen objects are not listed.
    is_frozen = gc.get_freeze_count()
    gc.unfreeze()
    # `isinstance` would make lazy proxies load what they stand for.
    for found in gc.get_objects() if python or bits else ():
        kind = type(found)
        is_pythons = python and issubclass(kind, python) and not issubclass(kind, system)
        if bits and issubclass(kind, source):
            origin, module = _origin(found.entropy), "numpy.random"
        elif is_pythons or bits and issubclass(kind, (bits, old)):
            origin, module = _seed_of(found)
        else:
            continue
        if origin is None:
            unknown.append(module)
        elif is_pythons:
            # Python itself seeds this one again in a forked process.
            if origin is CHANCE and found is not first:
                rest.append((_renew_python, found, python))
            elif origin is CODE and found is first:
                rest.append((python.setstate, found, python.getstate(found)))
        elif origin is CHANCE:
            if issubclass(kind, source):
                sources.append((_renew_source, found))
            else:
                rest.append((_renew_bits if issubclass(kind, bits) else _renew_old, found))
    if is_frozen:
        gc.freeze()
    # Seed sources come first, then bit generators, then the old generators that contain them.
    rest.sort(key=lambda renewal: renewal[0] is _renew_old)
    _renewals.extend(sources + rest)
    _authkey()
    _node()
    shared = []
    for module, is_renewed in _draws:
        if not is_renewed and not module.startswith("numpy.") and module not in shared:
            shared.append(module)
    for kept in (_draws, _numbers, _seeded, _kept, _states, _constants):
        kept.clear()
    return shared, unknown[0] if unknown else None


def _authkey():
    process = sys.modules.get("multiprocessing.process")
    config = getattr(getattr(process, "_current_process", None), "_config", {})
    key = config.get("authkey")
    # A key that was set is kept; if it was drawn, its draw is reported.
    if key is not None and _origin(bytes(key)) is CHANCE:
        _renewals.append((_renew_key, config, type(key)))


def _node():
    """A machine without a hardware address uses a random one, marked by a bit: forget it."""
    uuid = sys.modules.get("uuid")
    node = getattr(uuid, "_node", None)
    if node is not None and node >> 40 & 1:
        uuid._node = None


def _renew_python(generator, kind):
    kind.seed(generator)


def _renew_source(source):
    source.__init__(
        None,
        spawn_key=source.spawn_key,
        pool_size=source.pool_size,
        n_children_spawned=source.n_children_spawned,
    )


def _renew_bits(bits):
    bits.state = type(bits)(_source(bits)).state


def _renew_old(generator):
    """Also clears the second number of a pair that it keeps."""
    bits = generator._bit_generator
    state = generator.get_state(legacy=False)
    state.update(type(bits)().state, has_gauss=0, gauss=0.0)
    generator.set_state(state)


def _renew_key(config, kind):
    config["authkey"] = kind(os.urandom(32))


def wake():
    for function, *arguments in _renewals:
        function(*arguments)
