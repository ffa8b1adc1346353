"""Shared by the servers: ports, certificates, background processes, files of shell variables."""
import os
import random
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

# The kernel takes the ports of outgoing connections from above these.
PORTS = range(20000, 32000)
NAMES = "DNS:localhost,DNS:*.localhost,DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1"


def free_ports(count):
    """Returns ports on which nobody listens at this moment."""
    ports, chosen = [], random.SystemRandom()
    while len(ports) < count:
        port = chosen.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def run(*command, **more):
    """Runs a command; if it fails, its output is the error."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{command[0]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def spawn(folder, name, *command, **more):
    """Starts a process that outlives this one; FOLDER has its log and its process id."""
    with open(f"{folder}/{name}.log", "ab") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True, **more)
    with open(f"{folder}/{name}.pid", "w", encoding="ascii") as file:
        print(child.pid, file=file)
    return child


def make_certificates(folder):
    """Makes ca.crt, and server.crt with server.key for the names of the loopback address."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    run("openssl", "req", "-x509", *curve, "-keyout", f"{folder}/ca.key", "-out",
        f"{folder}/ca.crt", "-subj", "/CN=flexfs test CA",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", "-x509", *curve, "-keyout", f"{folder}/server.key", "-out",
        f"{folder}/server.crt", "-subj", "/CN=localhost", "-CA", f"{folder}/ca.crt",
        "-CAkey", f"{folder}/ca.key", "-addext", f"subjectAltName={NAMES}",
        "-addext", "basicConstraints=critical,CA:FALSE")


def wait_for(what, condition, child=None, seconds=60):
    """Waits until `condition()` is true, or ends with a sentence."""
    deadline = time.monotonic() + seconds
    while not condition():
        if child and child.poll() is not None:
            sys.exit(f"{what}: the process ended with {child.returncode}")
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not ready after {seconds} s")
        time.sleep(0.05)


def answers(url):
    """Whether an HTTP server answers there, whatever it says."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def write_variables(path, variables):
    """Writes a file that a shell sources. It appears when it is complete."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(str(value))}", file=file)
    os.rename(path + ".new", path)


def stop(folder):
    """Ends the processes that `spawn` started there."""
    for name in os.listdir(folder):
        if name.endswith(".pid"):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                pid = int(file.read())
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
            os.unlink(os.path.join(folder, name))


def control(url, command):
    """Sends a command to the control port of a server of ours; returns its answer as text."""
    try:
        with urllib.request.urlopen(url + command, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        sys.exit(f"{command}: {error.read().decode()}")
