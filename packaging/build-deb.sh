#!/bin/bash
# Builds a Debian package of this checkout, which is built already (npm run build): packaging/build-deb.sh [FOLDER]. Prints its path.
# Needs dpkg-deb and npm; the package needs Debian's or NodeSource's nodejs, 20.19 or later.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
OUT=$(realpath "${1:-.}")
VERSION=$(node -p 'require("./package.json").version')
ROOT=$(mktemp -d)
trap 'rm -rf "$ROOT"' EXIT
PROGRAM=$ROOT/usr/lib/torpor
DOC=$ROOT/usr/share/doc/torpor

install -d "$PROGRAM" "$DOC" "$ROOT/usr/bin" "$ROOT/DEBIAN"
cp -r package.json package-lock.json dashboard dist include "$PROGRAM"
install -D -m 644 -t "$PROGRAM/build" build/torpor-core.wasm build/torpor-core.scalar.wasm
# What runs, and nothing that only builds; no scripts, so that nothing is fetched or compiled.
npm ci --prefix "$PROGRAM" --omit=dev --ignore-scripts --silent --no-audit --no-fund
rm -rf "$PROGRAM/package-lock.json" "$PROGRAM/node_modules/.package-lock.json" "$PROGRAM/node_modules/.bin"
chmod 755 "$PROGRAM/dist/cli/main.js"
ln -s ../lib/torpor/dist/cli/main.js "$ROOT/usr/bin/torpor"

install -D -m 644 packaging/torpor.service "$ROOT/lib/systemd/system/torpor.service"
install -D -m 644 packaging/torpor.yaml "$ROOT/etc/torpor/torpor.yaml"
install -D -m 644 packaging/torpor.1 "$ROOT/usr/share/man/man1/torpor.1"
gzip -9n "$ROOT/usr/share/man/man1/torpor.1"
install -d "$ROOT/usr/share/bash-completion/completions" "$ROOT/usr/share/zsh/vendor-completions" "$ROOT/usr/share/fish/vendor_completions.d"
node dist/cli/main.js completion bash >"$ROOT/usr/share/bash-completion/completions/torpor"
node dist/cli/main.js completion zsh >"$ROOT/usr/share/zsh/vendor-completions/_torpor"
node dist/cli/main.js completion fish >"$ROOT/usr/share/fish/vendor_completions.d/torpor.fish"
cp -r README.md docs recipes packaging/torpor-low-ports.conf "$DOC"
gzip -9nc CHANGELOG.md >"$DOC/changelog.gz"
{
  printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: torpor\n\n'
  printf 'Files: *\nCopyright: the authors of Torpor\nLicense: Apache-2.0\n On Debian systems the licence is in /usr/share/common-licenses/Apache-2.0.\n'
} >"$DOC/copyright"
printf '/etc/torpor/torpor.yaml\n' >"$ROOT/DEBIAN/conffiles"
cat >"$ROOT/DEBIAN/control" <<CONTROL
Package: torpor
Version: $VERSION
Section: net
Priority: optional
Architecture: all
Maintainer: the authors of Torpor <torpor@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$ROOT" | cut -f1)
Depends: nodejs (>= 20.19), adduser, systemd
Recommends: iputils-ping, openssh-client
Description: lets virtual machine hosts sleep while their users are away
 Torpor stands between clients and the VMs of a host. When every client of a
 host is idle, connected or not, it sends the host to sleep through its BMC;
 connections stay open, and the first input wakes it.
CONTROL
install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$ROOT/DEBIAN/"

find "$ROOT" -type d -exec chmod 755 {} +
find "$ROOT/usr" "$ROOT/etc" "$ROOT/lib" -type f -not -path '*/dist/cli/main.js' -exec chmod 644 {} +
(cd "$ROOT" && find usr etc lib -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group --build "$ROOT" "$OUT/torpor_${VERSION}_all.deb" >/dev/null
echo "$OUT/torpor_${VERSION}_all.deb"
