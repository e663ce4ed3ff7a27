#!/usr/bin/env python3
"""Makes one file of the program and its executor, which the program lays into its store by itself.

single.py PROGRAM EXECUTOR FILE

Behind the program's own bytes are 16 that name what follows, the executor's length and its sum, 8 bytes each,
and the executor: `src/becoming/embedded_executor.rs` reads them."""

import os
import struct
import sys
from pathlib import Path

MAGIC = b"wsgi-cgi carries"
WHOLE = (1 << 64) - 1


def of(program, executor):
    """The bytes of both in one."""
    return program + struct.pack("<16sQQ", MAGIC, len(executor), summed(executor)) + executor


def summed(content):
    """FNV-1a over words, as `sum` in `src/image/format.rs` has it."""
    value, words = 0xCBF29CE484222325, len(content) // 8 * 8
    for (word,) in struct.iter_unpack("<Q", content[:words]):
        value = (value ^ word) * 0x100000001B3 & WHOLE
        value = (value << 29 | value >> 35) & WHOLE
    for byte in content[words:]:
        value = (value ^ byte) * 0x100000001B3 & WHOLE
    return value ^ value >> 32


def write(file, content):
    """As a program that everybody may run."""
    file.write_bytes(content)
    os.chmod(file, 0o755)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    one, other, both = map(Path, sys.argv[1:])
    write(both, of(one.read_bytes(), other.read_bytes()))
