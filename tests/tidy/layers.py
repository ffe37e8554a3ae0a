# SPDX-License-Identifier: MIT
"""layers.py ROOT: which layer includes which, and which library may be seen where.

Each layer may include itself and the layers named in ALLOWED, which is closed under inclusion; so a
check of every single #include line also covers what is included indirectly.
"""

import os

import sources

ALLOWED = {
    "base": set(),
    "coro": {"base"},
    "ring": {"coro", "base"},
    "transport": {"ring", "coro", "base"},
    "http2": {"base"},
    "grpc": {"base"},
    "rpc": {"base", "coro", "ring", "transport", "http2", "grpc"},
    "services": {"base", "coro", "ring", "transport", "http2", "grpc", "rpc"},
}

# Headers of other libraries (by prefix), and the layers or the files that may include them.
LIBRARIES = {
    "liburing": ("ring",),
    "nghttp2/": ("http2",),
    "zlib.h": ("grpc",),
    "google/protobuf/": ("ringrpc/rpc/protobuf.hpp", "ringrpc/services/reflection.hpp"),
    "openssl/": ("ringrpc/transport/tls.hpp",),
}

# Headers of the system (those with a .h) are for these layers; iovec is used by all.
SYSTEM_LAYERS = ("ring", "transport")
SYSTEM_EVERYWHERE = ("sys/uio.h",)

UMBRELLA = "ringrpc/ringrpc.hpp"
VERSION = "ringrpc/version.hpp"
NOT_IN_UMBRELLA = (
    "ringrpc/rpc/protobuf.hpp",
    "ringrpc/services/reflection.hpp",
    "ringrpc/transport/tls.hpp",
)


def check_line(header, bracket, name, known):
    """The problem with one #include line, or None."""
    layer = sources.layer_of(header)
    if bracket == '"':
        return f'write <ringrpc/...>, not "{name}"'
    if name.startswith("ringrpc/"):
        if name not in known:
            return f"<{name}> does not exist"
        target = sources.layer_of(name)
        if header == UMBRELLA:
            return f"the umbrella must not bring <{name}>" if name in NOT_IN_UMBRELLA else None
        if name == UMBRELLA:
            return "only users include the umbrella"
        if name == VERSION or target == layer:
            return None
        if target not in ALLOWED.get(layer, ()):
            return f"{layer or 'the top'} must not include {target or 'the top'}: <{name}>"
        return None
    for prefix, places in LIBRARIES.items():
        if name.startswith(prefix):
            return None if layer in places or header in places else f"<{name}> is for {places} only"
    if name.endswith(".h"):
        if layer not in SYSTEM_LAYERS and name not in SYSTEM_EVERYWHERE:
            return f"<{name}>: headers of the system are for {SYSTEM_LAYERS} only"
        return None
    if "/" in name or "." in name:
        return f"<{name}> is neither ours nor a header of a library that we use"
    return None


def is_header_with_bodies(headers):
    """`x.hpp` and files `x_*.hpp` beside it, which hold bodies and which it includes at its end."""
    shortest = min(headers, key=len)
    stem = shortest[:-len(".hpp")] + "_"
    return all(header == shortest or header.startswith(stem) for header in headers)


def check_cycles(graph):
    reach = {header: sources.reachable(graph, header) for header in graph}
    problems = []
    for header in graph:
        cycle = {other for other in reach[header] if header in reach.get(other, ())}
        if cycle and not is_header_with_bodies(cycle):
            problems.append(f"include/{header}: includes itself through other headers")
    return problems


def check_umbrella(graph):
    """The umbrella reaches every header, but not those that need a further library."""
    if UMBRELLA not in graph:
        return [f"include/{UMBRELLA}: is missing"]
    reached = sources.reachable(graph, UMBRELLA)
    problems = [
        f"include/{UMBRELLA}: does not bring <{header}>"
        for header in graph
        if header not in reached and header not in NOT_IN_UMBRELLA and header != UMBRELLA
    ]
    problems += [
        f"include/{UMBRELLA}: brings <{header}> through another header"
        for header in NOT_IN_UMBRELLA
        if header in reached
    ]
    return problems


def check_order(root):
    """The umbrella lists the layers from the bottom to the top."""
    text = sources.read(root, os.path.join("include", UMBRELLA))
    names = [name for _, _, name in sources.includes(text)]
    ranks = [sources.LAYERS.index(sources.layer_of(n)) for n in names if sources.layer_of(n)]
    return [] if ranks == sorted(ranks) else [f"include/{UMBRELLA}: is not in the order of layers"]


def check(root):
    problems = []
    known = set(sources.headers(root))
    for header in sorted(known):
        path = os.path.join("include", header)
        if sources.layer_of(header) not in ("", *ALLOWED):
            problems.append(f"{path}: no such layer")
            continue
        if not sources.layer_of(header) and header not in (UMBRELLA, VERSION):
            problems.append(f"{path}: belongs into the folder of a layer")
        for line, bracket, name in sources.includes(sources.read(root, path)):
            problem = check_line(header, bracket, name, known)
            if problem:
                problems.append(f"{path}:{line}: {problem}")
    graph = sources.include_graph(root)
    problems += check_cycles(graph) + check_umbrella(graph)
    if UMBRELLA in known:
        problems += check_order(root)
    return problems


if __name__ == "__main__":
    sources.main(check)
