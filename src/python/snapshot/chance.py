"""Random generators in Python: which of them loading seeded by chance and are seeded anew in each
restored process, and which it seeded with a number of its own and go on from there. It is no module
that an application could import."""

import os
import sys
import time

_began = time.time()
# Where numbers were drawn, and whether what was made of each is seeded anew.
_draws = []
_numbers = {}
# Generators by their ids; numpy's are kept, others are known from their first moment.
_by_chance = {}
_kept = []
_states = set()
# What is done in each restored process.
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
    """Whether a number is one that was drawn. `getrandbits` leaves up to seven bits out."""
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


def _is_chance(seed):
    """Whether another process would have another seed: drawn, of the clock, the process's number."""
    if seed is None:
        return True
    if isinstance(seed, (list, tuple)) or hasattr(seed, "tolist"):
        seed = seed.tolist() if hasattr(seed, "tolist") else seed
        if isinstance(seed, (list, tuple)):
            return any([_is_chance(part) for part in seed])
    if isinstance(seed, (bytes, bytearray)):
        seed = int.from_bytes(seed, "big")
    if not isinstance(seed, (int, float)) or seed != seed:
        return False
    for unit in (1, 1000, 1000000, 1000000000):
        if (_began - 1) * unit <= abs(seed) <= (time.time() + 1) * unit:
            return True
    if isinstance(seed, float):
        return False
    seed = abs(seed)
    # `Random` appends to bytes their SHA-512.
    return seed == os.getpid() or _drawn(seed) or seed >> 512 != 0 and _drawn(seed >> 512)


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


def seeded(generator, seed, keep):
    _by_chance[id(generator)] = _is_chance(seed)
    if keep:
        _kept.append(generator)


def state_taken(generator, state):
    if _is_by_chance(generator):
        _states.add(_hash(state))


def state_put(generator, state, keep):
    _by_chance[id(generator)] = _hash(state) in _states
    if keep:
        _kept.append(generator)


def _is_by_chance(generator):
    known = _by_chance.get(id(generator))
    if known is None:
        known = _is_chance(getattr(_source(generator), "entropy", 0))
    return known


def _source(generator):
    """Where one of numpy's has its seed from."""
    bits = getattr(generator, "_bit_generator", generator)
    return getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)


def end():
    """Decides; the modules whose draws every process shares."""
    import gc

    modules = sys.modules.get
    python = getattr(modules("random"), "Random", None)
    system = getattr(modules("random"), "SystemRandom", None)
    first = getattr(modules("random"), "_inst", None)
    bits = getattr(modules("numpy.random.bit_generator"), "BitGenerator", None)
    source = getattr(modules("numpy.random.bit_generator"), "SeedSequence", None)
    old = getattr(modules("numpy.random.mtrand"), "RandomState", None)
    sources, rest = [], []
    # What is frozen is not told of.
    is_frozen = gc.get_freeze_count()
    gc.unfreeze()
    # Of some objects `isinstance` asks what they stand for, and makes it.
    for found in gc.get_objects() if python or bits else ():
        kind = type(found)
        if python and issubclass(kind, python) and not issubclass(kind, system):
            known = _by_chance.get(id(found), True)
            # That one Python itself seeds anew in a copy of a process.
            if known and found is not first:
                rest.append((_renew_python, found, python))
            elif not known and found is first:
                rest.append((python.setstate, found, python.getstate(found)))
        elif bits and issubclass(kind, bits):
            if _is_by_chance(found):
                rest.append((_renew_bits, found))
        elif bits and issubclass(kind, old):
            if _is_by_chance(found):
                rest.append((_renew_old, found))
        elif bits and issubclass(kind, source):
            if _is_chance(found.entropy):
                sources.append((_renew_source, found))
    if is_frozen:
        gc.freeze()
    # Generators come after what they have their seeds from, and those after their parts.
    rest.sort(key=lambda renewal: renewal[0] is _renew_old)
    _renewals.extend(sources + rest)
    _authkey()
    _node()
    shared = []
    for module, is_renewed in _draws:
        if not is_renewed and not module.startswith("numpy.") and module not in shared:
            shared.append(module)
    for kept in (_draws, _numbers, _by_chance, _kept, _states):
        kept.clear()
    return shared


def _authkey():
    process = sys.modules.get("multiprocessing.process")
    config = getattr(getattr(process, "_current_process", None), "_config", {})
    key = config.get("authkey")
    if key is not None and _is_chance(bytes(key)):
        _renewals.append((_renew_key, config, type(key)))


def _node():
    """A machine without an address gives itself one by chance, with a bit that says so."""
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
    """With what it keeps of a pair of numbers."""
    bits = generator._bit_generator
    state = generator.get_state(legacy=False)
    state.update(type(bits)().state, has_gauss=0, gauss=0.0)
    generator.set_state(state)


def _renew_key(config, kind):
    config["authkey"] = kind(os.urandom(32))


def wake():
    for function, *arguments in _renewals:
        function(*arguments)
