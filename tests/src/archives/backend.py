"""The smallest PEP 517 backend: packs the tree it stands in as a wheel, with PKG-INFO as METADATA."""

import base64
import hashlib
import os
import zipfile

OWN = {"PKG-INFO", "pyproject.toml"}


def _headers():
    with open("PKG-INFO", encoding="utf-8") as file:
        for line in file:
            if not line.strip():
                return
            name, _, value = line.partition(":")
            yield name.strip().lower(), value.strip()


def _name_and_version():
    headers = dict(_headers())
    name = headers["name"].lower()
    for character in "-.":
        name = name.replace(character, "_")
    while "__" in name:
        name = name.replace("__", "_")
    return name, headers["version"]


def _files():
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(name for name in folders if name not in ("_build", "build", "__pycache__"))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ".").replace(os.sep, "/")
            if path not in OWN:
                with open(path, "rb") as file:
                    yield path, file.read()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version = _name_and_version()
    info = f"{name}-{version}.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: depot-tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with open("PKG-INFO", "rb") as file:
        metadata = file.read()
    members = [*_files(), (f"{info}/METADATA", metadata), (f"{info}/WHEEL", wheel.encode())]
    record = ""
    for path, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    record += f"{info}/RECORD,,\n"
    members.append((f"{info}/RECORD", record.encode()))
    filename = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, filename), "w") as archive:
        for path, content in members:
            archive.writestr(zipfile.ZipInfo(path), content)
    return filename


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("this tree came out of an sdist")
