"""`pip install .`: the program is built besides the executor, which is maturin's part (PEP 517)."""

import shutil
import subprocess
from pathlib import Path

import maturin
from maturin import get_requires_for_build_wheel  # noqa: F401
from sdist import build_sdist  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "target/pip/wsgi_cgi.data/scripts"


def build_wheel(folder, settings=None, metadata=None):
    build = ["cargo", "build", "--release", "--locked", "--package", "wsgi-cgi"]
    subprocess.run([*build, "--target-dir", ROOT / "target"], cwd=ROOT, check=True)
    SCRIPTS.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "target/release/wsgi-cgi", SCRIPTS)
    return maturin.build_wheel(folder, settings, metadata)
