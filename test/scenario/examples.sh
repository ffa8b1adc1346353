#!/bin/bash
# The files of examples/ run as written.
# builds: release sanitize
. "$(dirname "$0")/../lib.sh"

examples=$FLEXFS_SOURCE/examples
mnt=$FLEXFS_TMP/mnt
data=$FLEXFS_TMP/data

session_works() {
    with_mount_helper "$examples/session" "$data" "$mnt" | tee "$FLEXFS_TMP/said"
    ((PIPESTATUS[0] == 0)) && grep -qx "Dear reader," "$FLEXFS_TMP/said"
}
check "examples/session runs to its end" session_works

# mount(8) takes the folder and the mount point from fstab; the script's own replace them.
sed -e "s|/srv/flexfs|$data|; s|/mnt/flexfs|$mnt|" "$examples/fstab" >"$FLEXFS_TMP/fstab"
fstab_works() {
    with_mount_helper bash -c '
        mount -T "$1/fstab" "$2" && grep -qx "Dear reader," "$2/letters/final" && umount "$2"
    ' - "$FLEXFS_TMP" "$mnt"
}
check "the example line of fstab mounts a volume" fstab_works

# Does what systemd would do with the unit: sets the variables, starts it, waits, and ends it.
unit_works() {
    local start
    start=$(sed -n 's/^ExecStart=[^ ]* //p' "$examples/flexfs-mount.service" |
        sed "s|/srv/flexfs|$data|; s|/mnt/flexfs|$mnt|")
    python3 - "$FLEXFS" "$FLEXFS_TMP/notify" "$start" <<'END'
import os, signal, socket, subprocess, sys
binary, path, start = sys.argv[1:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
notify.settimeout(30)
served = subprocess.Popen([binary, *start.split()], env=os.environ | {"NOTIFY_SOCKET": path})
said = notify.recv(4096)
assert b"READY=1" in said, said
served.send_signal(signal.SIGTERM)
assert served.wait(60) == 0, served.returncode
END
}
check "the systemd unit's command reports readiness and ends on SIGTERM" unit_works
check "nothing stays mounted after SIGTERM" eval '! is_mounted "$mnt"'

if command -v systemd-analyze >/dev/null; then
    check "systemd finds no error in the unit" bash -c '
        ! systemd-analyze verify --man=no "$1" 2>&1 | grep -v "is not executable" | grep .
    ' - "$examples/flexfs-mount.service"
fi
