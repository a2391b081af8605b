#!/bin/sh
# All set-up that this checkout needs, and nothing that is already done: npm packages from the lockfile, Debian packages
# through apt-get (with sudo when not root), saying what it installs.
# Usage: tools/setup.sh run|test|vm
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-run}

say() { printf 'setup: %s\n' "$*" >&2; }

sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { say "Cannot go on: Minke needs root for namespaces and cgroups, and there is no sudo. Run this as root."; exit 1; }
  sudo=sudo
fi

# npm packages: the stamp is a copy of the lockfile that was installed last.
if ! cmp -s package-lock.json node_modules/.minke-lock 2>/dev/null; then
  say "installing npm packages (about 100 MB, the Node.js that Minke runs on included) ..."
  npm ci --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.minke-lock
fi

# Debian packages. What each is for stands in docs/adr/0002-dependencies.md.
if [ "$purpose" = vm ]; then
  # What makes and emulates the machine; all else is inside it.
  packages="qemu-system-x86 mmdebstrap debian-archive-keyring e2fsprogs cpio kmod xz-utils"
else
  packages="crun conmon catatonit containernetworking-plugins iptables iproute2 tar perl-base"
  [ -s .cache/images/nginx.tar ] && [ -s .cache/images/ghost.tar ] || packages="$packages mmdebstrap debian-archive-keyring make g++ python3"
  [ "$purpose" = test ] && packages="$packages
    busybox-static
    curl
    docker-registry
    nftables
    openssl
    procps
    python3
    runc
    skopeo
    xz-utils"
fi
missing=
for package in $packages; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || { say "Cannot install$missing: there is no apt-get here. Install them with this system's package manager, then run this again."; exit 1; }
  say "installing Debian packages:$missing"
  log=$(mktemp)
  if ! { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    say "Cannot install the Debian packages$missing: apt-get failed (its output is above)."
    exit 1
  fi
  rm -f "$log"
fi
