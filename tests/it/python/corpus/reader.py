"""Reads every distribution in this folder, and prints what each holds: digests by name, or why it was not read."""

import hashlib
import json
import os
import tarfile
import zipfile


def digest(file):
    found = hashlib.sha256()
    while piece := file.read(1 << 20):
        found.update(piece)
    return found.hexdigest()


def read_zip(path):
    held = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as file:
                    held[member.filename] = digest(file)
    return held


def read_tar(path):
    held = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isreg() or member.islnk():
                name = member.name.removeprefix("./").encode(errors="surrogateescape").decode(errors="replace")
                # A link to what is not there has no content, and unpacking it fails.
                try:
                    held[name] = digest(archive.extractfile(member))
                except KeyError:
                    held[name] = None
    return held


read = {}
for name in sorted(os.listdir(".")):
    try:
        read[name] = read_zip(name) if name.endswith((".whl", ".zip")) else read_tar(name)
    except Exception as error:
        read[name] = f"{type(error).__name__}: {error}"
print(json.dumps(read))
