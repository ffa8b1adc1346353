#!/bin/bash
# A Debian source package is unpacked, built and tested on a mount, and survives a remount.
# limit: 900
. "$(dirname "$0")/../lib.sh"

data=$FLEXFS_TMP/data
mnt=$FLEXFS_TMP/mnt
: "${PROGRAM:=sed}"  # a source package that needs only a C compiler
apt=$FLEXFS_TMP/apt

# Configures apt-get with its own state, and with the machine's package sources for source packages.
make_apt() {
    local file
    mkdir -p "$apt"/{sources,lists/partial,cache/archives/partial} || return
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
        [[ -f $file ]] || continue
        sed -E 's/^deb(-src)?([[:space:]])/deb-src\2/; s/^(Types:).*/\1 deb-src/' "$file" \
            >"$apt/sources/${file##*/}"
    done
    cat >"$apt/apt.conf" <<ENDCONF
Dir::Etc::SourceList "$apt/sources/sources.list";
Dir::Etc::SourceParts "$apt/sources";
Dir::State::Lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
ENDCONF
    own_apt update
}
own_apt() { APT_CONFIG=$apt/apt.conf apt-get -qq "$@"; }

unpack() { cd "$1" && own_apt source "$PROGRAM" && chown -R 65534:65534 .; }
# Runs as nobody: as root, tests of permissions are skipped or fail.
as_nobody() {
    (cd "$mnt"/build/*/ && setpriv --reuid 65534 --regid 65534 --clear-groups "$@") \
        >"$FLEXFS_TMP/said" 2>&1 || { tail -30 "$FLEXFS_TMP/said"; return 1; }
}
makes_nothing() { as_nobody make && ! grep -E "^ *CC" "$FLEXFS_TMP/said"; }
build() { as_nobody ./configure && as_nobody make -j2; }

check "package lists for sources can be downloaded" make_apt || exit
mkdir "$FLEXFS_TMP/local" && chmod 711 "$FLEXFS_TMP"
check "the source can be downloaded and unpacked locally" unpack "$FLEXFS_TMP/local" || exit
start_mount "$data" "$mnt" "${small_memory[@]}" || exit
mkdir "$mnt/build"
check "apt-get source unpacks on the mount" unpack "$mnt/build"
# Unpacking patches some files, whose times are those of the unpacking.
check "the unpacked source is the same as locally" \
    same_tree --without mtime "$FLEXFS_TMP/local" "$mnt/build"
check "configure and make -j2 build $PROGRAM" build
check "the tests of $PROGRAM pass" as_nobody make -j2 check
check "building stays within the memory" stays_small "$mnt"

cp -a "$mnt/build" "$FLEXFS_TMP/built"
check "the volume can be remounted" remount "$data" "$mnt" "${small_memory[@]}"
check "the build is the same after a remount" same_tree "$FLEXFS_TMP/built" "$mnt/build"
# Some makefiles always rebuild something; after a remount it must not be more than elsewhere.
if (cd "$FLEXFS_TMP"/built/*/ && make -q) >"$FLEXFS_TMP/said" 2>&1; then
    check "make finds nothing to compile after a remount" makes_nothing
fi
