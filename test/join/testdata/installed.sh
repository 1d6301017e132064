#!/bin/sh
# Runs a command with a Debian package as if it were installed. It is unpacked in
# ROOT, and the mount namespace is the command's own.
#
#   installed.sh ROOT COMMAND...
set -e
root=$1
shift
[ "$root" = / ] || mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr
exec "$@"
