#!/usr/bin/env python3
"""Makes of a wheel what is installed without pip, and prints the names: a folder to unpack or to upload, as
.tar.gz and as .zip, and a single file.

archives.py WHEEL FOLDER

The same wheel gives the same bytes; SOURCE_DATE_EPOCH is the time of all files."""

import gzip
import io
import os
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import single

# The folder in the archives.
NAME = "wsgi-cgi"

# Where the earliest date of a .zip is.
EPOCH = max(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), 315532800)

README = """\
wsgi-cgi {version}: runs a Python WSGI application as a CGI script, on x86-64 Linux with glibc 2.17 or newer
and CPython 3.9 or newer.

Put this folder anywhere outside of what your server hands out, binary files as such. Then:

    chmod 755 wsgi-cgi              the program in it, and no other file; folders are 755 too
    chmod 755 hello.py              each script of yours, whose first line names the program by its full path:

    #!/home/ada/wsgi-cgi/wsgi-cgi

The program finds its executor in wsgi_cgi/ beside it. Where your host dictates another first line, a script of
that Python calls it:

    import sys
    sys.path.insert(0, "/home/ada/wsgi-cgi")
    from wsgi_cgi import run
    run(application)

`./wsgi-cgi request hello.py` shows what a script answers, `./wsgi-cgi doctor hello.py` what keeps it from that.
"""


def files(wheel):
    """Name in the folder: content and mode."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            last = rest.rpartition("/")[2]
            if top == "wsgi_cgi":
                found[name] = archive.read(name), 0o644
            elif name.endswith(".data/scripts/wsgi-cgi"):
                found["wsgi-cgi"] = archive.read(name), 0o755
            elif last.startswith("LICENSE"):
                found[last] = archive.read(name), 0o644
    found["README"] = README.format(version=version(wheel)).encode(), 0o644
    return dict(sorted(found.items()))


def version(wheel):
    return wheel.name.split("-")[1]


def tar(found):
    """The folder as a .tar.gz."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=EPOCH) as stream, tarfile.TarFile(
        mode="w", fileobj=stream, format=tarfile.USTAR_FORMAT
    ) as archive:
        for name, content, mode in entries(found):
            about = tarfile.TarInfo(name.rstrip("/"))
            about.mtime, about.mode, about.size = EPOCH, mode, len(content or b"")
            about.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            archive.addfile(about, io.BytesIO(content or b""))
    return packed.getvalue()


def zipped(found):
    """The folder as a .zip, with the modes that Unix has."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content, mode in entries(found):
            about = zipfile.ZipInfo(name, time.gmtime(EPOCH)[:6])
            about.create_system = 3
            kind = 0o040000 if content is None else 0o100000
            about.external_attr = (kind | mode) << 16 | (0x10 if content is None else 0)
            about.compress_type = zipfile.ZIP_STORED if content is None else zipfile.ZIP_DEFLATED
            archive.writestr(about, content or b"")
    return packed.getvalue()


def entries(found):
    """Folders, which have no content, come before what is in them."""
    yield NAME + "/", None, 0o755
    yield NAME + "/wsgi_cgi/", None, 0o755
    for name, (content, mode) in found.items():
        yield f"{NAME}/{name}", content, mode


def main(wheel, folder):
    found = files(wheel)
    executor = found["wsgi_cgi/_wsgi_cgi.abi3.so"][0]
    stem = folder / f"wsgi-cgi-{version(wheel)}-x86_64"
    for ending, content in [
        (".tar.gz", tar(found)),
        (".zip", zipped(found)),
        ("", single.of(found["wsgi-cgi"][0], executor)),
    ]:
        made = stem.with_name(stem.name + ending)
        (made.write_bytes if ending else lambda it: single.write(made, it))(content)
        print(made)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
