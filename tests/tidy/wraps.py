# SPDX-License-Identifier: MIT
"""wraps.py ROOT: each subprojects/*.wrap has the form in which WrapDB publishes it.

Nothing is downloaded: whether a hash is right shows when meson uses the wrap.
"""

import configparser
import os
import re

import sources

SOURCE = ("directory", "source_url", "source_filename", "source_hash", "wrapdb_version")
PATCH = ("patch_url", "patch_filename", "patch_hash")
HASH = re.compile(r"[0-9a-f]{64}")

# The packages without which a machine that lacks them all could not build and test.
NEEDED = ("abseil-cpp", "doctest", "liburing", "nghttp2", "protobuf")


def check_wrap(text):
    """The problems of one wrap file."""
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read_string(text)
    except configparser.Error as error:
        return [f"does not parse: {str(error).splitlines()[0]}"]
    if not config.has_section("wrap-file"):
        return ["has no [wrap-file]"]
    wrap = config["wrap-file"]
    # A project with a meson build of its own has no patch; a patch is complete or not there.
    wanted = SOURCE + (PATCH if any(key in wrap for key in PATCH) else ())
    problems = [f"has no {key}" for key in wanted if not wrap.get(key)]
    for key, value in wrap.items():
        if key.endswith("_hash") and not HASH.fullmatch(value):
            problems.append(f"{key} is not 64 hexadecimal digits")
        if key.endswith("_url") and not value.startswith("https://"):
            problems.append(f"{key} is not https")
    if "patch_url" in wrap:
        if not wrap["patch_url"].startswith("https://wrapdb.mesonbuild.com/v2/"):
            problems.append("patch_url is not WrapDB's")
        if wrap.get("wrapdb_version", "") not in wrap["patch_url"]:
            problems.append("patch_url is for another wrapdb_version")
    if not config.has_section("provide") or not list(config["provide"]):
        problems.append("has no [provide]")
    return problems


def check(root):
    folder = os.path.join(root, "subprojects")
    names = sorted(n[:-5] for n in os.listdir(folder) if n.endswith(".wrap"))
    problems = [f"subprojects/{name}.wrap: is missing" for name in NEEDED if name not in names]
    for name in names:
        path = os.path.join("subprojects", name + ".wrap")
        problems += [f"{path}: {problem}" for problem in check_wrap(sources.read(root, path))]
    return problems


if __name__ == "__main__":
    sources.main(check)
