"""Drops from a built layer what no function imports: `python prune.py FOLDER`.

botocore describes some 400 services in 25 MB; Covey calls five. Chalice's command line and
deployment are for laptops.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

SERVICES = frozenset({"dynamodb", "s3", "sqs", "apigatewaymanagementapi", "ses", "sesv2"})
SHARED = frozenset(
    {"endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json"}
)
UNUSED = (
    "chalice/cli",
    "chalice/deploy",
    "chalice/templates",
    "chalice/pipeline",
    "chalice/package.py",
    "chalice/awsclient.py",
    "chalice/cdk",
    "boto3/examples",
    "bin",
)


def prune(folder: Path) -> int:
    """Remove it; the number of bytes that went."""
    before = size(folder)
    data = folder / "botocore" / "data"
    for entry in sorted(data.iterdir()) if data.is_dir() else ():
        if entry.is_dir() and entry.name not in SERVICES:
            shutil.rmtree(entry)
        elif entry.is_file() and entry.name.removesuffix(".gz") not in SHARED:
            entry.unlink()
    for name in UNUSED:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return before - size(folder)


def size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    gone = prune(Path(sys.argv[1]))
    sys.stderr.write(f"prune.py: {gone / 1e6:.1f} MB that no function imports left out\n")
