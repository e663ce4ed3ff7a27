"""The sources as one archive that `pip` builds from (PEP 517): what git knows of, with the metadata of the package
(PKG-INFO). The same sources give the same bytes."""

import gzip
import io
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

import maturin

ROOT = Path(__file__).resolve().parents[2]


def build_sdist(folder, settings=None):
    found = {name: ((ROOT / name).read_bytes(), os.access(ROOT / name, os.X_OK)) for name in names()}
    about, stem = metadata()
    found["PKG-INFO"] = about, False
    made = Path(folder, stem + ".tar.gz")
    with open(made, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=epoch()) as stream, tarfile.TarFile(
        mode="w", fileobj=stream, format=tarfile.PAX_FORMAT
    ) as archive:
        for name, (content, runs) in sorted(found.items()):
            about = tarfile.TarInfo(f"{stem}/{name}")
            about.size, about.mtime, about.mode = len(content), epoch(), 0o755 if runs else 0o644
            archive.addfile(about, io.BytesIO(content))
    return made.name


def names():
    """The files that are sources; in a tree that git knows nothing of, all but what was built there."""
    asked = ["git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "-z"]
    if (ROOT / ".git").exists():
        listed = subprocess.check_output(asked).decode().split("\0")
    else:
        within = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        built = {"target", "__pycache__", "PKG-INFO"}
        listed = [str(path) for path in within if not built & set(path.parts)]
    return [name for name in listed if (ROOT / name).is_file()]


def metadata():
    """PKG-INFO, and what the archive and the folder in it are called."""
    # Maturin wants the folder that the program comes into.
    (ROOT / "target/pip/wsgi_cgi.data").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = maturin.prepare_metadata_for_build_wheel(place)
        stem = folder.removesuffix(".dist-info")
        return Path(place, folder, "METADATA").read_bytes(), stem


def epoch():
    """The time of all files."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", 315532800))
