#!/usr/bin/python3
"""The machinery behind ipmi_sim: carries out chassis commands on QEMU, and shows QEMU's state to the BMC's sensors.

usage: rigctl.py RUN COMMAND ...     RUN is the folder of a running platform; up.sh wrote its conf.json
  hook MC get|set|check NAME [VALUE]...   called by ipmi_sim (chassis_control in lan.conf); sets are noted in hook.log
  watch           follows QEMU's events: writes acpistate and watts, which ipmi_sim polls, and states.log
  state           prints off | running | suspended | ...
  wait STATE SECONDS
  qmp COMMAND [JSON]
  save FILE       saves the booted guest's state, for RIG_FAST

hook.log:   UNIX_TIME set NAME VALUE STATE_BEFORE
states.log: UNIX_TIME STATE
"""
import fcntl
import json
import os
import socket
import subprocess
import sys
import time

LAUNCH_TIMEOUT_S = 20
QUIT_TIMEOUT_S = 5
SAVE_TIMEOUT_S = 60
OWNER_POLL_S = 1.0
# Bits of sensor type 22h, IPMI v2.0 table 42-3.
ACPI_STATE_BIT = {"running": 0, "suspended": 3, "off": 5}


def in_run(name):
    return os.path.join(RUN, name)


class Qmp:
    """One connection to a QMP socket of the run folder: commands and, meanwhile, events."""

    def __init__(self, name, timeout_s=5.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout_s)
        self.buffer, self.events = b"", []
        self.socket.connect(in_run(name))
        self._read()
        self.command("qmp_capabilities")

    def _read(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("QEMU closed QMP")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, **arguments):
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._read()
            if "event" in answer:
                self.events.append(answer["event"])
            elif "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            else:
                return answer["return"]

    def next_event(self, timeout_s):
        """The name of the next event, or None if none came in time."""
        if self.events:
            return self.events.pop(0)
        self.socket.settimeout(timeout_s)
        try:
            return self._read().get("event")
        except socket.timeout:
            return None


def read_state(socket_name="qmp.sock"):
    """off, or QEMU's own word: running, suspended, inmigrate, shutdown, ..."""
    try:
        return Qmp(socket_name).command("query-status")["status"]
    except (OSError, EOFError):
        return "off"


def act(command):
    Qmp("qmp-bmc.sock").command(command)


# ------------------------------------------------------------------------------------------------ the host's power


def wait_for_start(process):
    end = time.time() + LAUNCH_TIMEOUT_S
    while time.time() < end and process.poll() is None:
        if read_state("qmp-bmc.sock") not in ("off", "inmigrate"):
            return True
        time.sleep(0.05)
    return False


def launch():
    """Starts QEMU unless it runs: from the saved state if there is one (that once), else cold."""
    with open(in_run("launch.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read_state("qmp-bmc.sock") != "off":
            return
        for name in ("qmp.sock", "qmp-bmc.sock", "qmp-watch.sock"):
            if os.path.exists(in_run(name)):
                os.unlink(in_run(name))
        saved = in_run("fast")
        attempts = [CONF["qemu"]]
        if os.path.exists(saved):
            attempts.insert(0, CONF["qemu"] + ["-incoming", "exec:gzip -dc < '%s'" % os.readlink(saved)])
        for arguments in attempts:
            with open(in_run("qemu.log"), "ab") as log:
                # close_fds: QEMU must not inherit ipmi_sim's sockets.
                process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                           close_fds=True, start_new_session=True, cwd="/")
            started = wait_for_start(process)
            if os.path.exists(saved):
                if started:
                    act("cont")  # the state was saved while stopped
                os.unlink(saved)
            if started:
                return
            if process.poll() is None:
                process.kill()
                process.wait()
        raise RuntimeError("QEMU did not start (exit code %s), see qemu.log" % process.returncode)


def set_power(on, state):
    if on and state == "off":
        launch()
    elif on and state == "suspended":
        act("system_wakeup")
    elif not on and state != "off":
        act("quit")
        end = time.time() + QUIT_TIMEOUT_S
        while read_state("qmp-bmc.sock") != "off" and time.time() < end:
            time.sleep(0.02)


def reset(state):
    if state != "running":
        raise RuntimeError("reset refused in state " + state)
    act("system_reset")


def power_bit():
    state = read_state("qmp-bmc.sock")
    if state in ("off", "shutdown"):
        return 0
    return CONF["s3_power_bit"] if state == "suspended" else 1


# ------------------------------------------------------------------------------------------------ commands


def hook_get(names):
    for name in names:
        if name == "power":
            print("power:%d" % power_bit())
        elif name == "boot":
            print("boot:default")
        else:
            print(name + ":0")


def hook_set(words):
    words = iter(words)
    for name in words:
        value, state = next(words), read_state("qmp-bmc.sock")
        with open(in_run("hook.log"), "a") as log:
            log.write("%.3f set %s %s %s\n" % (time.time(), name, value, state))
        if name == "power":
            set_power(value == "1", state)
        elif name == "shutdown" and state == "running":
            act("system_powerdown")  # presses the ACPI power button
        elif name == "reset":
            reset(state)
        elif name == "identify":
            next(words, None)


def hook(_mc, verb, *words):
    if verb == "get":
        hook_get(words)
    elif verb == "set":
        hook_set(words)


def put(name, value):
    """In one step: ipmi_sim may read at any time."""
    with open(in_run(name + ".new"), "w") as file:
        file.write("%d\n" % value)
    os.rename(in_run(name + ".new"), in_run(name))


class Sensors:
    def __init__(self):
        self.shown = None

    def show(self, state):
        if state == self.shown:
            return
        self.shown = state
        put("acpistate", 1 << ACPI_STATE_BIT.get(state, 0))
        put("watts", CONF["watts_raw"].get(state, CONF["watts_raw"]["running"]))
        with open(in_run("states.log"), "a") as log:
            log.write("%.3f %s\n" % (time.time(), state))


def is_alive(pid):
    """False for a zombie too: its command line is empty."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read(1) != b""
    except OSError:
        return False


def end_without_owner():
    """Takes the platform down, this process included, once the process that wanted it is gone."""
    if CONF["owner"] and not is_alive(CONF["owner"]):
        os.execv(CONF["down"][0], CONF["down"])


def watch():
    sensors = Sensors()
    while True:
        end_without_owner()
        try:
            qmp = Qmp("qmp-watch.sock")
            sensors.show(qmp.command("query-status")["status"])
            while True:
                event = qmp.next_event(OWNER_POLL_S)
                if event is None:
                    end_without_owner()
                elif event == "SUSPEND":
                    sensors.show("suspended")
                elif event == "WAKEUP":
                    sensors.show("running")
        except (OSError, EOFError):
            sensors.show("off")
            time.sleep(0.2)


def wait(wanted, seconds):
    end = time.time() + float(seconds)
    while True:
        state = read_state()
        if state == wanted:
            return
        if time.time() > end:
            raise RuntimeError("timed out: state is %s, wanted %s" % (state, wanted))
        time.sleep(0.02)


def save(path):
    qmp, unfinished = Qmp("qmp.sock", 30), "%s.new.%d" % (path, os.getpid())
    qmp.command("stop")
    try:
        qmp.command("migrate", uri="exec:gzip -1 > '%s'" % unfinished)
        end = time.time() + SAVE_TIMEOUT_S
        while True:
            status = qmp.command("query-migrate").get("status")
            if status in ("completed", "failed") or time.time() > end:
                break
            time.sleep(0.05)
    finally:
        qmp.command("cont")
    if status != "completed":
        os.unlink(unfinished)
        raise RuntimeError("saving the state failed: %s" % status)
    os.rename(unfinished, path)


def query(name, arguments="{}"):
    print(json.dumps(Qmp("qmp.sock").command(name, **json.loads(arguments))))


COMMANDS = {
    "hook": hook,
    "watch": watch,
    "state": lambda: print(read_state()),
    "wait": wait,
    "qmp": query,
    "save": save,
}

if len(sys.argv) < 3 or sys.argv[2] not in COMMANDS:
    sys.exit(__doc__)
RUN = sys.argv[1]
try:
    with open(in_run("conf.json")) as conf_file:
        CONF = json.load(conf_file)
    COMMANDS[sys.argv[2]](*sys.argv[3:])
except (RuntimeError, OSError, EOFError) as error:
    print("rigctl: %s" % error)
    sys.exit(1)
