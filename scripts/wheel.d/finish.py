#!/usr/bin/env python3
"""Finishes a wheel, and writes it to another folder: its executor needs fewer libraries, and it is compressed by a few
percent better than by what made it.

finish.py WHEEL FOLDER

Needs the package zopfli. The same wheel gives the same bytes."""

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

from libraries import Elf
from zopfli.zlib import compress

EXECUTOR = "wsgi_cgi/_wsgi_cgi.abi3.so"
# Python needs them itself where they are not empty. (That is not so for librt.)
LIBRARIES = {"libpthread.so.0", "libdl.so.2"}


class Deflate:
    """What `zipfile` expects of a compressor."""

    def __init__(self):
        self.content = b""

    def compress(self, content):
        self.content += content
        return b""

    def flush(self):
        # Deflate's own format, without zlib's head and checksum (RFC 1950); 0 is any number of blocks.
        return compress(self.content, blocksplittingmax=0)[2:-4]


def finished(files):
    """The files by name, with an executor that needs fewer libraries."""
    executor = Elf(files[EXECUTOR])
    # The linker takes what is in no library for what Python has; a C library of this age may not have it.
    unknown = [name for name in executor.without_version() if not name.startswith(("Py", "_Py"))]
    if unknown:
        sys.exit(f"finish.py: the executor needs what the oldest C library does not have: {unknown}")
    executor = executor.without(LIBRARIES)
    [record] = [name for name in files if name.endswith(".dist-info/RECORD")]
    digest = base64.urlsafe_b64encode(hashlib.sha256(executor).digest()).decode().rstrip("=")
    lines = files[record].decode().splitlines(keepends=True)
    [place] = [place for place, line in enumerate(lines) if line.startswith(EXECUTOR + ",")]
    lines[place] = f"{EXECUTOR},sha256={digest},{len(executor)}\n"
    return {**files, EXECUTOR: executor, record: "".join(lines).encode()}


def main(wheel, folder):
    # It has no public way to name another compressor.
    zipfile._get_compressor = lambda kind, level=None: Deflate() if kind == zipfile.ZIP_DEFLATED else None
    made = Path(folder, Path(wheel).name)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(made, "w") as new:
        contents = finished({file.filename: old.read(file) for file in old.infolist()})
        for file in old.infolist():
            content = contents[file.filename]
            new.writestr(file, content, zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED)
    print(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
