# What packaging says of targets: for each line of the input its tags, best first, and what it makes of the markers.
import json
import sys

from packaging import _manylinux, _musllinux, markers, tags


def linux(kind, version, arch):
    tags.sysconfig.get_platform = lambda: "linux-" + arch
    _manylinux._get_glibc_version = lambda: _manylinux._GLibCVersion(*version)
    _manylinux._have_compatible_abi = lambda *_: kind == "manylinux"
    found = None if kind == "manylinux" else _musllinux._MuslVersion(*version)
    _musllinux._get_musl_version = lambda _: found
    return list(tags._linux_platforms(is_32bit=False))


def platforms(tag):
    family, _, rest = tag.partition("_")
    if family in ("manylinux", "musllinux"):
        major, minor, arch = rest.split("_", 2)
        return linux(family, (int(major), int(minor)), arch)
    if family == "macosx":
        major, minor, arch = rest.split("_", 2)
        return list(tags.mac_platforms((int(major), int(minor)), arch))
    return [tag]


def supported(target):
    interpreter, platform = target.split("-")
    free_threaded = interpreter.endswith("t")
    name = interpreter.rstrip("t")
    version = (int(name[2]), int(name[3:]))
    machines = platforms(platform)
    if name.startswith("cp"):
        abi = name + ("t" if free_threaded else "m" if version < (3, 8) else "")
        own = tags.cpython_tags(version, [abi], machines)
    else:
        own = tags.generic_tags(name, ["pypy%s_pp73" % name[2:]], machines)
    every = list(own) + list(tags.compatible_tags(version, name, machines))
    return list(map(str, every))


def evaluate(marker, environment, extras):
    # As pip: true if it is true with one of the extras, or without any where none is asked for.
    return any(markers.Marker(marker).evaluate(dict(environment, extra=extra)) for extra in extras or [""])


asked = json.load(sys.stdin)
print(json.dumps({
    "tags": {target: supported(target) for target in asked["tags"]},
    "markers": [evaluate(*case) for case in asked["markers"]],
}))
