#!/bin/bash
# Installs the Debian packages that tests need, if their programs are missing.
set -euo pipefail
need=()
has() { command -v "$1" >/dev/null 2>&1; }
has dig || need+=(bind9-dnsutils)
has gcc || need+=(gcc libc6-dev) # the race detector links with it
has unshare || need+=(util-linux)
has ip || need+=(iproute2)
# Packages clients and join run the resolvers of these.
has musl-gcc || need+=(musl-tools)
has node || need+=(nodejs)
has npm || need+=(npm)
has python3 || need+=(python3)
has javac || need+=(default-jdk-headless)
[ ${#need[@]} -eq 0 ] && exit 0
echo "installing ${need[*]}"
sudo=()
if [ "$(id -u)" != 0 ]; then
  has sudo || { echo "missing: ${need[*]}; install them, or run this as root" >&2; exit 1; }
  sudo=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -q
"${sudo[@]}" apt-get install -y -q --no-install-recommends "${need[@]}"
