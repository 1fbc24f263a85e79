#!/bin/bash
# Starts platform N (default 0): ipmi_sim as its BMC, QEMU as its host, rigctl.py between them. Prints one JSON object once
# the guest's first service answers. Options stand in settings.sh; down.sh N stops it.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$HERE/settings.sh"
N=${1:-0}
require_index "$N"
INITRD=$("$HERE/build.sh")
KERNEL=$(dirname "$INITRD")
mkdir -p "$RIG_RUN"
RUN=$(cd "$RIG_RUN" && pwd)/$N
[ ! -e "$RUN/up" ] || die "platform $N is up, or was not taken down: run down.sh $N"

BMC_PORT=$((RIG_BASE_PORT + N * 20))
KCS_PORT=$((BMC_PORT + 1))
SERIAL_PORT=$((BMC_PORT + 2))
CONTROL_PORT=$((BMC_PORT + 10))
VM_PORTS=($((CONTROL_PORT + 1)) $((CONTROL_PORT + 2)) $((CONTROL_PORT + 3)))

# ------------------------------------------------------------------------------------------------ accelerator

qemu_base() { # ACCELERATOR CPU
  # pc, not q35: there the second suspend failed. vmlinuz is a bzImage: an uncompressed kernel reboots on wake.
  QEMU=(qemu-system-x86_64 -accel "$1" -cpu "$2" -machine pc -m "$RIG_MEM" -smp 1
    -nodefaults -no-user-config -display none -vga none
    -global "PIIX4_PM.disable_s3=$((1 - RIG_S3))" -kernel "$KERNEL/vmlinuz" -initrd "$INITRD")
}

# KVM counts only if a stock guest really boots: some /dev/kvm create machines but cannot run them.
kvm_boots() { # CPU
  local log=$KERNEL/probe.$$ pid boots=1
  qemu_base kvm "$1"
  "${QEMU[@]}" -append "console=ttyS0 quiet" -serial "file:$log" -monitor none >/dev/null 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 80); do
    if grep -qa 'RIG: ready' "$log" 2>/dev/null; then boots=0; break; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -f "$log"
  return "$boots"
}

probe_accelerator() {
  local cpu
  if [ -r /dev/kvm ] && [ -w /dev/kvm ] && [ ! -e /sys/module/kvm_pvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
    for cpu in host kvm64; do
      if kvm_boots "$cpu"; then echo "kvm $cpu"; return; fi
    done
  fi
  echo "tcg qemu64"
}

choose_accelerator() {
  local cache=$KERNEL/accelerator
  if [ -n "${RIG_ACCEL:-}" ]; then
    ACCEL=$RIG_ACCEL
    CPU=${RIG_CPU:-$([ "$ACCEL" = kvm ] && echo host || echo qemu64)}
    return
  fi
  [ -s "$cache" ] || probe_accelerator >"$cache"
  read -r ACCEL CPU <"$cache"
}

# ------------------------------------------------------------------------------------------------ the run folder

fill_in() { # FILE: prints it with its @WORDS@ replaced
  local text
  text=$(<"$1")
  text=${text//@INDEX@/"$N"}
  text=${text//@RUN@/"$RUN"}
  text=${text//@RIGCTL@/"${PYTHON[*]} '$HERE/rigctl.py'"}
  text=${text//@BMC_PORT@/"$BMC_PORT"}
  text=${text//@KCS_PORT@/"$KCS_PORT"}
  text=${text//@SERIAL_PORT@/"$SERIAL_PORT"}
  text=${text//@GUID@/"$(printf 'a123456789abcdefa1234567%08x' "$N")"}
  text=${text//@USER@/"$BMC_USER"}
  text=${text//@PASSWORD@/"$BMC_PASSWORD"}
  printf '%s\n' "$text"
}

qemu_command() {
  local forwards k socket
  forwards="hostfwd=tcp:127.0.0.1:$CONTROL_PORT-:7100"
  for k in 1 2 3; do forwards+=",hostfwd=tcp:127.0.0.1:$((CONTROL_PORT + k))-:$((7000 + k))"; done
  qemu_base "$ACCEL" "$CPU"
  QEMU+=(-name "rig-$N" -pidfile "$RUN/qemu.pid" -rtc "base=utc"
    -append "console=ttyS0 quiet panic=5 rig.button=$RIG_BUTTON rig.delay=$RIG_DELAY"
    -chardev "socket,id=ser0,host=127.0.0.1,port=$SERIAL_PORT,server=on,wait=off,telnet=on,logfile=$RUN/serial.log,logappend=on"
    -serial chardev:ser0
    -netdev "user,id=n0,$forwards"
    -device "virtio-net-pci,netdev=n0,mac=52:54:00:aa:00:$(printf %02x "$N"),romfile="
    -chardev "socket,id=ipmi0,host=127.0.0.1,port=$KCS_PORT,reconnect=1"
    -device "ipmi-bmc-extern,id=bmc0,chardev=ipmi0" -device "isa-ipmi-kcs,bmc=bmc0")
  for socket in qmp qmp-bmc qmp-watch; do QEMU+=(-qmp "unix:$RUN/$socket.sock,server=on,wait=off"); done
}

write_conf() {
  "${PYTHON[@]}" - "$RUN/conf.json" "$RIG_S3_POWER_BIT" "${RIG_OWNER:-0}" "$HERE/down.sh" "$N" "${QEMU[@]}" <<'PYTHON'
import json, sys
path, s3_power_bit, owner, down, index, *qemu = sys.argv[1:]
# Raw sensor values, 2 W a step. Modelled numbers, not measured ones.
watts_raw = {"running": 92, "suspended": 4, "off": 2}
with open(path, "w") as file:
    json.dump({"s3_power_bit": int(s3_power_bit), "owner": int(owner), "down": [down, index], "watts_raw": watts_raw,
               "qemu": qemu}, file, indent=1)
PYTHON
}

# The saved state is good for exactly this guest on this QEMU.
saved_state_path() {
  local key
  key="$INITRD $ACCEL $CPU $RIG_MEM $RIG_S3 $RIG_BUTTON $RIG_DELAY $(qemu-system-x86_64 --version | head -1)"
  echo "$KERNEL/saved-$(sha256sum <<<"$key" | cut -c1-12).gz"
}

# ------------------------------------------------------------------------------------------------ start

fail() { # takes down what was started, with the reason
  echo "up.sh: $*" >&2
  "$HERE/down.sh" "$N" >&2 || true
  exit 1
}

start() { # NAME COMMAND...: detached, its process id and output in the run folder
  local name=$1
  shift
  setsid "$@" >"$RUN/$name.log" 2>&1 </dev/null &
  echo $! >"$RUN/$name.pid"
}

ipmi() {
  IPMI_PASSWORD=$BMC_PASSWORD timeout 10 \
    ipmitool -I lanplus -C 3 -H 127.0.0.1 -p "$BMC_PORT" -U "$BMC_USER" -E "$@" 2>&1
}

wait_for_bmc() {
  for _ in $(seq 50); do
    kill -0 "$(cat "$RUN/ipmi_sim.pid")" 2>/dev/null || fail "ipmi_sim ended: $(tail -3 "$RUN/ipmi_sim.log")"
    ! ipmi mc info >/dev/null || return 0
    sleep 0.1
  done
  fail "the BMC does not answer on UDP port $BMC_PORT"
}

first_vm_answers() {
  local line
  line=$({ exec 5<>"/dev/tcp/127.0.0.1/${VM_PORTS[0]}" && echo up >&5 && read -r -t 2 -u 5 line && echo "$line"; } 2>/dev/null) || true
  [[ $line == vm1*up ]]
}

wait_for_guest() {
  local end=$((SECONDS + RIG_BOOT_TIMEOUT))
  while [ "$SECONDS" -lt "$end" ]; do
    ! first_vm_answers || return 0
    [ "$("${PYTHON[@]}" "$HERE/rigctl.py" "$RUN" state)" != off ] ||
      fail "QEMU ended while the guest booted: $(tail -3 "$RUN/qemu.log")"
    sleep 0.2
  done
  [ -z "$SAVED" ] || rm -f "$SAVED"
  fail "the guest did not answer within $RIG_BOOT_TIMEOUT s, see $RUN/serial.log"
}

choose_accelerator
rm -rf "$RUN"
mkdir -p "$RUN/state"
started=$(date +%s%N)
echo "$$" >"$RUN/up"
qemu_command
write_conf
fill_in "$HERE/bmc/lan.conf" >"$RUN/lan.conf"
fill_in "$HERE/bmc/bmc.emu" >"$RUN/bmc.emu"
echo 32 >"$RUN/acpistate"
echo 2 >"$RUN/watts"
: >"$RUN/states.log"
: >"$RUN/hook.log"
SAVED=
if [ -n "${RIG_FAST:-}" ]; then
  SAVED=$(saved_state_path)
  [ ! -s "$SAVED" ] || ln -s "$SAVED" "$RUN/fast"
fi

start ipmi_sim ipmi_sim -n -p -c "$RUN/lan.conf" -f "$RUN/bmc.emu" -s "$RUN/state"
start watch "${PYTHON[@]}" "$HERE/rigctl.py" "$RUN" watch
wait_for_bmc
ipmi sel time set now >/dev/null || true
if [ -z "${RIG_OFF:-}" ]; then
  ipmi chassis power on >/dev/null || fail "chassis power on failed: $(tail -3 "$RUN/qemu.log" 2>/dev/null)"
  wait_for_guest
  [ -z "$SAVED" ] || [ -s "$SAVED" ] || "${PYTHON[@]}" "$HERE/rigctl.py" "$RUN" save "$SAVED" >&2
fi

tee "$RUN/platform.json" <<JSON
{"platform": $N, "accelerator": "$ACCEL", "bmc": {"host": "127.0.0.1", "port": $BMC_PORT, "user": "$BMC_USER", "password": "$BMC_PASSWORD", "cipherSuite": 3}, "controlPort": $CONTROL_PORT, "vmPorts": [$(IFS=,; echo "${VM_PORTS[*]}")], "serialTelnetPort": $SERIAL_PORT, "runDir": "$RUN", "bootMs": $((($(date +%s%N) - started) / 1000000))}
JSON
