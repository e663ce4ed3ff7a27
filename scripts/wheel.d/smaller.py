#!/usr/bin/env python3
"""Compresses a wheel again, by a few percent better than what made it, and writes it to another folder.

smaller.py WHEEL FOLDER

Needs the package zopfli. The same wheel gives the same bytes."""

import sys
import zipfile
from pathlib import Path

from zopfli.zlib import compress


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


def main(wheel, folder):
    # It has no public way to name another compressor.
    zipfile._get_compressor = lambda kind, level=None: Deflate() if kind == zipfile.ZIP_DEFLATED else None
    made = Path(folder, Path(wheel).name)
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(made, "w") as new:
        for file in old.infolist():
            content = old.read(file)
            new.writestr(file, content, zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED)
    print(made)


if __name__ == "__main__":
    main(*sys.argv[1:])
