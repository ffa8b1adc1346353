#!/bin/bash
# A volume in a bucket: how it is made, found again, kept for one machine, and what is said when the
# bucket cannot be used.
# limit: 900
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers/lib.sh"

start_s3
export AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY
unset AWS_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
export HOME=$FLEXFS_TMP AWS_EC2_METADATA_DISABLED=true
mnt=$FLEXFS_TMP/mnt
server="endpoint=$S3_ENDPOINT&region=$S3_REGION"
address="s3://$S3_BUCKET/data?$server"
flexfs() { "$FLEXFS" "$@"; }

# refused NAME PATTERN ADDRESS [FLAG…]: the mount fails with a sentence, and nothing is mounted.
refused() {
    local name=$1 pattern=$2
    shift 2
    mkdir -p "$FLEXFS_TMP/refused"
    check_fails "$name" "$pattern" flexfs mount "$1" "$FLEXFS_TMP/refused" "${@:2}"
}
as_other_machine() { FLEXFS_HOME=$FLEXFS_TMP/other "$@"; }

# --- a volume is made, and found again ---
make_tree() {
    mkdir -p "$FLEXFS_TMP/tree/in/ner" && cd "$FLEXFS_TMP/tree" || return
    head -c 3000 /dev/urandom >small
    head -c 40000000 /dev/urandom >large
    truncate -s 10M sparse && echo end >>sparse
    ln -s large link && ln small in/ner/hard
    for i in {1..200}; do head -c $((i * 100)) /dev/urandom >"in/file$i"; done
    cd /
}
make_tree
check "a volume is made in a bucket" start_mount "$address" "$mnt"
check "files can be copied to it" cp -a "$FLEXFS_TMP/tree" "$mnt/"
check "sync waits until everything is stored" flexfs mount sync "$mnt"
check "nothing is unstored after that" [ "$(mount_status "$mnt" dirty.bytes)" = 0 ]
check "the files are there after a remount" eval '
    remount "$address" "$mnt" && same_tree "$FLEXFS_TMP/tree" "$mnt/tree"'
check "they are there after a kill" eval '
    kill_mount "$mnt" && start_mount "$address" "$mnt" && same_tree "$FLEXFS_TMP/tree" "$mnt/tree"'
restarts() { flexfs mount restart "$mnt" && same_tree "$FLEXFS_TMP/tree" "$mnt/tree"; }
check "they are there after a restart of the process" restarts

# --- one machine at a time ---
refused "a second mount on this machine is refused, and the first is named" \
    "in use by the mount on $mnt" "$address"
second_machine() { as_other_machine flexfs mount "$address" "$FLEXFS_TMP/refused"; }
check_fails "a machine without the database is told who used the volume last" \
    "database is not in .*--dbFolder" second_machine
stop_mount "$mnt"
check "the claim is released by a stop" eval '
    python3 -B -c "
import os, sys
sys.path.insert(0, \"$servers\")
import s3client
sys.exit(b\"released: true\" not in s3client.S3().get(os.environ[\"S3_BUCKET\"], \"data/claim\"))"'
mkdir -p "$FLEXFS_TMP/other/mount"
cp -a "$FLEXFS_HOME/mount/data" "$FLEXFS_TMP/other/mount/"
check "a copy of the database can go on elsewhere" as_other_machine start_mount "$address" "$mnt"
echo new >"$mnt/new"
as_other_machine stop_mount "$mnt"
refused "the database that was left behind is refused as the older one" "this one is older" \
    "$address"
rm -rf "$FLEXFS_HOME/mount/data"
mv "$FLEXFS_TMP/other/mount/data" "$FLEXFS_HOME/mount/"
check "the newer database is accepted" start_mount "$address" "$mnt"
check "a file that was written elsewhere is there" grep -qx new "$mnt/new"

# --- damage is found ---
check "a scrub of the mounted volume finds nothing" flexfs scrub "$mnt"
stop_mount "$mnt"
check "a scrub of the volume finds nothing when it is not mounted" flexfs scrub "$address"
start_mount "$address" "$mnt"
largest=$(s3_keys data/ | grep /../ | head -1)
check "an object can be taken away" s3_remove "$largest"
check_fails "a scrub names files that lost data" "/tree/.*missing" flexfs scrub "$mnt"
stop_mount "$mnt"

# --- what is wrong is said in a sentence ---
refused "a bucket that does not exist is named" "no-such-bucket" "s3://no-such-bucket/x?$server"
wrong_key() { AWS_ACCESS_KEY_ID=nobody flexfs mount "$address" "$FLEXFS_TMP/refused"; }
check_fails "an unknown access key is named" "access key" wrong_key
wrong_secret() { AWS_SECRET_ACCESS_KEY=wrong flexfs mount "$address" "$FLEXFS_TMP/refused"; }
check_fails "a wrong secret is explained" "secret" wrong_secret
no_credentials() {
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY \
        "$FLEXFS" mount "$address" "$FLEXFS_TMP/refused"
}
check_fails "missing credentials are explained" "AWS_ACCESS_KEY_ID" no_credentials
began=$SECONDS
refused "an endpoint that does not answer is named" "127.0.0.1:1" \
    "s3://$S3_BUCKET/x?endpoint=http://127.0.0.1:1&region=$S3_REGION"
check "that takes at most ten seconds" [ $((SECONDS - began)) -le 10 ]
for user in no-put no-list; do
    limited() {
        AWS_ACCESS_KEY_ID=$user flexfs mount "s3://$S3_BUCKET/$user?$server" "$FLEXFS_TMP/refused"
    }
    check_fails "the user $user is told which permission is missing" "s3:|permission" limited
done
check_fails "a full bucket is reported" "full|quota|space" eval '
    start_mount "s3://full/x?$server" "$FLEXFS_TMP/full" &&
        head -c 3M /dev/urandom >"$FLEXFS_TMP/full/file" && sync -f "$FLEXFS_TMP/full/file" &&
        python3 -c "import os; os.fsync(os.open(\"$FLEXFS_TMP/full/file\", os.O_RDWR))"'
kill_mount "$FLEXFS_TMP/full"

# --- other ways to reach a bucket ---
check "virtual-host style works" start_mount \
    "s3://second/host?endpoint=$S3_HOST_ENDPOINT&region=$S3_REGION&pathStyle=false" "$mnt"
check "it stores files" eval 'cp "$FLEXFS_TMP/tree/large" "$mnt/" && flexfs mount sync "$mnt"'
stop_mount "$mnt"
check "HTTPS works with the certificate of a CA" start_mount \
    "s3://second/tls?endpoint=$S3_TLS_ENDPOINT&region=$S3_REGION" "$mnt" --caCert "$S3_CA"
check "it stores files over HTTPS" eval '
    cp "$FLEXFS_TMP/tree/large" "$mnt/" && flexfs mount sync "$mnt"'
stop_mount "$mnt"
refused "a certificate that is not trusted is refused" "certificate" \
    "s3://second/tls?endpoint=$S3_TLS_ENDPOINT&region=$S3_REGION"

# --- credentials in a file ---
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
init_creds() {
    printf '%s\n' "$S3_ACCESS_KEY" "$1" | flexfs mount init creds "s3://second/file?$server"
}
check_fails "init creds checks the secret" "secret" init_creds wrong
check "init creds keeps valid credentials" init_creds "$S3_SECRET_KEY"
check "only the owner can read them" eval '
    [[ $(stat -c %a "$FLEXFS_HOME"/mount/creds/*) == 600 ]]'
check "a mount finds them" start_mount "s3://second/file?$server" "$mnt"
no_secret_is_shown() {
    ! tr '\0' '\n' <"/proc/$(mount_pid "$mnt")/cmdline" | grep -q "$S3_SECRET_KEY" &&
        ! grep -rq "$S3_SECRET_KEY" "$FLEXFS_HOME/mount/log"
}
check "no argument and no log shows the secret" no_secret_is_shown
stop_mount "$mnt"

# --- the store by itself ---
check "bench --store measures the bucket" flexfs bench --store "s3://second/bench?$server" \
    --credsFile "$FLEXFS_HOME"/mount/creds/* --objectSize 64KiB --parallel 4 --time 1s
check "and leaves nothing behind" eval '
    [[ -z $(S3_BUCKET=second s3_keys bench) ]]'
