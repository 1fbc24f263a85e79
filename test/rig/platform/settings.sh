# shellcheck shell=bash
# Where the rig keeps its things, and its options with their defaults. Sourced by the other scripts; starts nothing itself.
#
#   RIG_CACHE         kernel and initramfs; default torpor-rig in $XDG_CACHE_HOME or ~/.cache
#   RIG_RUN           one folder per running platform; default torpor-rig in $TMPDIR or /tmp. Short: it holds Unix sockets
#   RIG_KERNEL_PKG    Debian package of the kernel; default what linux-image-amd64 depends on
#   RIG_BASE_PORT     21000; platform N has the 20 ports from RIG_BASE_PORT + 20 N on
#   RIG_BUTTON        suspend | poweroff | ignore: what the guest does when its power button is pressed
#   RIG_DELAY         seconds from that press to the reaction
#   RIG_S3            1 | 0: whether the firmware offers S3
#   RIG_S3_POWER_BIT  0 | 1: what "chassis power status" says in S3; real BMCs differ
#   RIG_ACCEL         kvm | tcg; default: KVM where a probe boot succeeds, else software emulation
#   RIG_CPU           QEMU's -cpu; default what suits the accelerator
#   RIG_MEM           192 MiB
#   RIG_FAST          1: start from the saved state of a booted guest; the first such run saves it
#   RIG_OFF           1: start the BMC alone, the host stays off
#   RIG_BOOT_TIMEOUT  90 seconds
#   RIG_OWNER         a process id: when that process ends, the platform is taken down
RIG_CACHE=${RIG_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/torpor-rig}
RIG_RUN=${RIG_RUN:-${TMPDIR:-/tmp}/torpor-rig}
RIG_BASE_PORT=${RIG_BASE_PORT:-21000}
RIG_BUTTON=${RIG_BUTTON:-suspend}
RIG_DELAY=${RIG_DELAY:-0}
RIG_S3=${RIG_S3:-1}
RIG_S3_POWER_BIT=${RIG_S3_POWER_BIT:-0}
RIG_MEM=${RIG_MEM:-192}
RIG_BOOT_TIMEOUT=${RIG_BOOT_TIMEOUT:-90}

# shellcheck disable=SC2034 # used by those who source this file
BMC_USER="admin" BMC_PASSWORD="secret123"

# Not the interpreter that a version manager puts first in PATH: its start-up time would count as the BMC's.
# shellcheck disable=SC2034
PYTHON=(/usr/bin/python3 -I -S)

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

require_programs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "missing program: $program (see README.md for the Debian packages)"
  done
}

require_index() {
  if [[ ! $1 =~ ^[0-9]{1,3}$ ]] || [ "$1" -gt 200 ]; then die "the platform's index must be 0 to 200, not $1"; fi
}
