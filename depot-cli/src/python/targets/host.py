# What depot asks a Python, as one line of JSON. Any Python 3 runs it, without its site-packages.
import glob, json, os, platform, struct, subprocess, sys, sysconfig


def two(text):
    numbers = []
    for part in text.strip().split(".")[:2]:
        digits = ""
        for c in part:
            if c not in "0123456789":
                break
            digits += c
        numbers.append(int(digits))
    return numbers if len(numbers) == 2 else None


def attempt(function):
    try:
        return function()
    except Exception:
        return None


def glibc():
    name, version = os.confstr("CS_GNU_LIBC_VERSION").rsplit(None, 1)
    return two(version) if name == "glibc" else None


def musl():
    # The loader says its version when it is run for nothing.
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        child = subprocess.Popen([loader], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in child.communicate()[1].decode("latin-1").splitlines():
            if line.startswith("Version "):
                return two(line[len("Version "):])
    return None


def macos():
    return two(platform.mac_ver()[0])


linux = sys.platform.startswith("linux")
full = "%d.%d.%d" % sys.version_info[:3]
stage = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(sys.version_info[3])
if stage:
    full += stage + str(sys.version_info[4])
print(json.dumps({
    "implementation": sys.implementation.name,
    "major": sys.version_info[0],
    "minor": sys.version_info[1],
    "full_version": full,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "platform": sysconfig.get_platform(),
    "machine": platform.machine(),
    "bits": struct.calcsize("P") * 8,
    "glibc": attempt(glibc) if linux else None,
    "musl": attempt(musl) if linux else None,
    "macos": attempt(macos) if sys.platform == "darwin" else None,
}))
