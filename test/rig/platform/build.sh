#!/bin/bash
# Builds what the rig boots, into the cache: Debian's kernel, and an initramfs of busybox, a few modules and guest/.
# Idempotent: what is there already is kept. Prints the initramfs's path; the kernel lies beside it. Starts nothing.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$HERE/settings.sh"

MODULES=(
  drivers/virtio/{virtio_ring,virtio,virtio_pci_legacy_dev,virtio_pci_modern_dev,virtio_pci}
  net/core/failover drivers/net/{net_failover,virtio_net}
  drivers/acpi/button drivers/input/evdev
  drivers/char/ipmi/{ipmi_msghandler,ipmi_devintf,ipmi_si}
)

require_programs qemu-system-x86_64 ipmi_sim ipmitool busybox cpio gzip xz dpkg apt-get apt-cache flock "${PYTHON[0]}"
BUSYBOX=$(command -v busybox)
if ldd "$BUSYBOX" >/dev/null 2>&1; then die "busybox is linked dynamically: install busybox-static"; fi

mkdir -p "$RIG_CACHE"
RIG_CACHE=$(cd "$RIG_CACHE" && pwd)
exec 9>"$RIG_CACHE/.lock"
flock -w 300 9 || die "another build holds $RIG_CACHE/.lock"
WORK=$(mktemp -d "$RIG_CACHE/work.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

# The cloud kernel lacks CONFIG_IPMI_HANDLER: only the full one has /dev/ipmi0.
fetch_kernel() { # KERNEL_FOLDER
  local package deb version kernel module file
  package=${RIG_KERNEL_PKG:-$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')}
  [ -n "$package" ] || die "apt knows no linux-image-amd64: run apt-get update"
  (cd "$WORK" && apt-get download -q "$package") >"$WORK/apt.log" 2>&1 ||
    { cat "$WORK/apt.log" >&2; die "apt-get download $package failed: run apt-get update"; }
  deb=$(find "$WORK" -maxdepth 1 -name 'linux-image-*.deb')
  dpkg -x "$deb" "$WORK/kernel"
  version=$(basename "$WORK"/kernel/lib/modules/*)
  kernel=$WORK/kernel/lib/modules/$version/kernel
  mkdir "$WORK/modules"
  for module in "${MODULES[@]}"; do
    file=$(find "$kernel/$(dirname "$module")" -name "$(basename "$module").ko*" -print -quit)
    case $file in
      *.ko) cp "$file" "$WORK/modules/" ;;
      *.ko.xz) xz -dc "$file" >"$WORK/modules/$(basename "$module").ko" ;;
      *) die "module $module is not in $package" ;;
    esac
  done
  mkdir "$WORK/complete"
  mv "$WORK/modules" "$WORK/kernel/boot/vmlinuz-$version" "$WORK/complete/"
  mv "$WORK/complete/vmlinuz-$version" "$WORK/complete/vmlinuz"
  mv "$WORK/complete" "$1" # whole or not at all
}

pack_initramfs() { # KERNEL_FOLDER INITRAMFS
  local root=$WORK/root
  mkdir -p "$root"/{bin,sbin,dev,proc,sys,etc/acpi/PWRF,lib/modules,tmp,run,var/run}
  cp "$BUSYBOX" "$root/bin/busybox"
  cp "$1"/modules/*.ko "$root/lib/modules/"
  cp "$HERE/guest/init" "$root/init"
  cp "$HERE"/guest/{enter-s3,vm-service,control-service} "$root/bin/"
  cp "$HERE/guest/power-button" "$root/etc/acpi/PWRF/00000080"
  chmod 755 "$root/init" "$root"/bin/* "$root/etc/acpi/PWRF/00000080"
  (cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc --quiet -R 0:0 | gzip -n1) >"$WORK/initrd.gz"
  mv "$WORK/initrd.gz" "$2"
}

# Named by what went into them: checkouts of different ages share the cache.
hash_of() { sha256sum | cut -c1-12; }
KERNEL=$RIG_CACHE/kernel-$(echo "${RIG_KERNEL_PKG:-} ${MODULES[*]}" | hash_of)
[ -d "$KERNEL" ] || fetch_kernel "$KERNEL"
INITRD=$KERNEL/initrd-$(cat "$HERE/build.sh" "$HERE"/guest/* | hash_of).gz
[ -s "$INITRD" ] || pack_initramfs "$KERNEL" "$INITRD"
echo "$INITRD"
