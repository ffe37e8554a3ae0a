# SPDX-License-Identifier: MIT
"""run_proxies.py PROXY FOLDER PACKAGES: grpcio's client, then a proxy, then interop_server.

PROXY is nginx, haproxy or nghttpx. It comes from the system, or from PACKAGES, a folder in which
Debian's packages were unpacked. Fails if a call fails, or if the proxy complains: nginx finds fault
with frames that others do not mind. 77 means skipped: something is not there.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile

from processes import HERE, Process, WITHIN, kill_all, program, start  # it finds the next ones

from listening import Failure

SKIPPED = 77

NGINX = """
daemon off;
master_process off;  # the user stays the one who may connect to the server
pid {folder}/nginx.pid;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  upstream server {{
    server unix:{server};
    keepalive 4;
  }}
  server {{
    listen unix:{front} http2;
    location / {{ grpc_pass grpc://server; }}
  }}
}}
"""
HAPROXY = """
global
  log stderr format raw local0 warning
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
frontend front
  bind unix@{front} proto h2
  default_backend server
backend server
  server server unix@{server} proto h2
"""

CASES = (
    "empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong",
    "half_duplex", "empty_stream", "custom_metadata", "status_code_and_message",
    "cancel_after_first_response", "timeout_on_sleeping_server", "client_compressed_unary",
    "one_mebibyte_each_way", "error_before_any_request_is_read", "error_after_the_first_request",
    "trailers_only", "two_hundred_calls_one_by_one")
# A response that ends before its request: haproxy makes RST_STREAM(CANCEL) of it for the client,
# whichever server it was (haproxy/haproxy issue 1219).
LEFT_OUT = {"haproxy": ("status_code_and_message", "error_before_any_request_is_read",
                        "error_after_the_first_request")}

# By program: its configuration, its arguments, and what it complains with.
PROXIES = {
    "nginx": (NGINX, ["-p", "{folder}", "-e", "{log}", "-c", "{configuration}"],
              ("[error]", "[crit]", "[alert]", "[emerg]")),
    "haproxy": (HAPROXY, ["-db", "-f", "{configuration}"], ("[WARNING]", "[ALERT]")),
    "nghttpx": ("", ["--conf={configuration}", "--frontend=unix:{front};no-tls",
                     "--backend=unix:{server};;proto=h2", "--errorlog-file={log}",
                     "--accesslog-file=/dev/null", "--workers=1", "--single-process"],
                ("ERROR", "FATAL")),
}


def find(name, packages):
    """The program and the environment that it needs, or nothing."""
    folders = [os.path.join(packages, "usr/sbin"), "/usr/sbin", "/usr/bin"]
    environment = dict(os.environ)
    libraries = os.path.join(packages, "usr/lib", sysconfig.get_config_var("MULTIARCH"))
    environment["LD_LIBRARY_PATH"] = libraries
    return shutil.which(name, path=os.pathsep.join(folders)), environment


def run(name, folder, packages, *server_flags):
    """What is wrong, in words."""
    found, environment = find(name, packages)
    configuration, arguments, complaints = PROXIES[name]
    cases = [word for case in CASES if case not in LEFT_OUT.get(name, ())
             for word in ("--test_case", case)]
    with tempfile.TemporaryDirectory(prefix="interop-") as directory:
        places = {"folder": directory} | {part: os.path.join(directory, part) for part in (
            "server", "front", "log", "configuration")}
        with open(places["configuration"], "w", encoding="ascii") as file:
            file.write(configuration.format_map(places))
        server = Process([*program(folder, "ringrpc", "server"),
                          "--address", "unix:" + places["server"], *server_flags],
                         places["server"])
        try:
            with open(places["log"], "w", encoding="utf-8") as log:
                proxy = Process([found, *(one.format_map(places) for one in arguments)],
                                places["front"], env=environment, stderr=log)
            try:
                client = start([sys.executable, "-B", os.path.join(HERE, "proxy_client.py"),
                                folder, "--address", "unix:" + places["front"], *cases])
                try:
                    status = client.wait(WITHIN)
                finally:
                    client.kill()
            except subprocess.TimeoutExpired as slow:
                raise Failure(str(slow)) from slow
            finally:
                proxy.end()
                proxy.kill()
            wrong = [f"the client ended with {status}"] if status else []
            if ended := server.end():
                wrong.append("of the server: " + ended)
        finally:
            server.kill()
        with open(places["log"], encoding="utf-8") as log:
            said = log.read()
    print(said, end="")
    return wrong + [f"{name} complains: {line}" for line in said.splitlines()
                    if any(complaint in line for complaint in complaints)]


def main():
    name, folder, packages = sys.argv[1:]
    signal.signal(signal.SIGTERM, kill_all)
    if importlib.util.find_spec("grpc") is None:
        print("skipped: grpcio is not installed; on Debian 12: apt-get install python3-grpcio")
        sys.exit(SKIPPED)
    if find(name, packages)[0] is None:
        print(f"skipped: there is no {name}; tests/run fetches it")
        sys.exit(SKIPPED)
    try:
        wrong = run(name, folder, packages)
        # Connections of the proxy that the server gives up all the time, with two GOAWAY frames.
        wrong += run(name, folder, packages, "--connection_age_ms", "10")
    except Failure as broken:
        wrong = [str(broken)]
    for text in wrong:
        print("failed:", text)
    sys.exit(1 if wrong else 0)


main()
