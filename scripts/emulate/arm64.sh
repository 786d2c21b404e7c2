#!/bin/sh
# arm64.sh COMMAND [ARGUMENT...]: runs a program for linux/arm64, and the programs that it starts, with qemu.
#
# The kernel starts qemu for them. If the kernel is not set up for that (package qemu-user-binfmt), the script sets it up in a
# user namespace of its own. That needs no root and leaves the machine unchanged. It needs Linux 6.7.
set -eu
[ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || exec "$@"
exec unshare --user --map-root-user --mount sh -euc '
	mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
	printf %s ":gosling-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:$(command -v qemu-aarch64-static):F" \
		>/proc/sys/fs/binfmt_misc/register
	exec "$@"' sh "$@"
