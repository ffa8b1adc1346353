// The filesystem of one mount, without FUSE: what a kernel asks, answered from grants and caches,
// the metadata service and the object store. Everything runs on one loop. Permission bits are the
// caller's (the kernel's) to check, but for root where Options::squash is on: of it everything is
// checked, with EACCES and EPERM.
//
// Every operation may end with EIO (a fault, logged once with its context), ESTALE (the inode is
// gone) and ECANCELED (its task was stopped: a signal), beside what its comment or the message of
// the same name in lib/wire/messages.h says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/cache/budget.h"
#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/rpc/caller.h"
#include "lib/vfs/handed_over.h"
#include "lib/wire/operations.h"

namespace flexfs::vfs {

using wire::Attr;
using wire::Ino;
using wire::Who;

using HandleId = std::uint64_t;

// When a read, a listing or a readlink changes the access time. Those that the kernel serves from
// its caches do not come here; of a file whose data it has, opening it counts instead.
enum class AccessTimes {
    never,
    relative,  // when the one that is told is not after the last change, or a day old
    always,
};

struct Options {
    std::string volume;  // id or name; empty: the only one that the server has
    bool read_only = false;
    wire::Squash squash;
    AccessTimes access_times = AccessTimes::relative;
    bool folder_access_times = true;  // false: never those of folders
    bool flush_on_close = false;      // close waits as fsync does
    Duration dirty_age_max = std::chrono::seconds(5);
    unsigned store_requests_max = 16;  // puts and gets under way at the same time, each kind
};

// What the kernel may have cached and must drop because another client changed it, or we did behind
// its back. Called on the loop; must not wait.
class KernelCaches {
public:
    virtual ~KernelCaches() = default;
    virtual void drop_attributes(Ino ino) = 0;
    // Before whatever is answered after this call. Only for an inode that a request under way keeps
    // in the kernel's memory: for one that is on its way out, the kernel would wait for us.
    virtual void drop_attributes_now(Ino ino) = 0;
    virtual void drop_data(Ino ino) = 0;
    virtual void drop_entry(Ino parent, const std::string& name) = 0;
    // `walk` drops everything that may be cached, one by one. Whoever cannot note all that it is
    // told calls it, on the loop, instead of losing some.
    virtual void on_overflow(std::function<void()> walk) { static_cast<void>(walk); }
};

// An answer that may be cached until KernelCaches hears of it; with `cacheable` false it holds for
// this moment only.
struct Known {
    Attr attr;
    bool cacheable = false;
};

// Whether a change of a file's data clears its setuid and setgid bits, as it does unless the caller
// has CAP_FSETID (lib/wire/privileges.h).
struct Kill {
    Kill(bool kills = false, bool setgid = false) : privileges(kills), setgid_too(setgid) {}
    bool privileges;
    bool setgid_too;  // setgid without group execution, too: the caller is not in the file's group
};

struct Opened {
    Known node;
    HandleId handle = 0;
    bool keep_cache = false;  // what the kernel holds of the data is still right
    bool accessed = false;    // its access time moved: what the kernel holds of it is not right
};

struct OpenedDirectory {
    HandleId handle = 0;
    bool keep_cache = false;  // what the kernel holds of the listing is still right
};

// One position in a directory listing: "." and ".." come first, with cookies 1 and 2.
struct Listed {
    std::string name;
    std::uint64_t cookie = 0;  // what to ask for next, to go on after this entry
    Known node;                // only ino and mode's type are set without `plus`
};

// Bytes [first, last) of a file that are a hole as far as this client knows, but may have been
// written through a mapping.
struct UncertainHole {
    std::uint64_t first = 0, last = 0;
    bool empty() const { return first >= last; }
};

// Why unsent data cannot be written back at present.
struct WriteBackTrouble {
    int code = 0;         // errno of the last attempt; 0: there is no trouble
    std::string message;  // for people
    Time since = 0;       // wall clock of the first failed attempt
};

// For `flexfs mount status` and for tests.
struct State {
    std::uint64_t dirty_bytes = 0, dirty_files = 0;  // in trouble, these wait
    Duration dirty_oldest{};
    WriteBackTrouble trouble;
    std::uint64_t open_handles = 0, cached_inodes = 0;
    std::uint64_t cache_hits = 0, cache_misses = 0;  // chunks of file data, in memory or not
};

// Makes the caller through which the client reaches the metadata service, in this process or
// elsewhere.
using Connect = std::function<std::unique_ptr<rpc::Caller<wire::Metadata>>(
    rpc::Client<wire::Metadata>& client)>;

class Filesystem {
public:
    // Opens the session, or takes up what another client handed over (ESTALE: its session has
    // ended). `store` and `budget` must outlive the client; `caches` may be null.
    static Task<std::unique_ptr<Filesystem>> open(Loop& loop, Connect connect, object::Store& store,
                                                  cache::Budget& budget, Options options,
                                                  KernelCaches* caches,
                                                  std::optional<HandedOver> from = {});
    virtual ~Filesystem() = default;
    // Writes back everything unsent, durably. On an error the rest stays unsent, and may be tried
    // again.
    virtual Task<void> flush_all() = 0;
    // For the client in the process image that replaces this one. After flush_all(), with nothing
    // under way; changes nothing.
    virtual HandedOver hand_over() const = 0;
    // The kernel is gone: nothing is open any more, and what has no name is not kept for anybody.
    virtual void end_handles() = 0;
    // Writes back everything unsent, durably, or gives it up, and closes the session. The first
    // error of what could not be written.
    enum class Unsent { write_back, give_up };
    virtual Task<void> close(Unsent unsent = Unsent::write_back) = 0;

    // As Options has them, from now on.
    virtual void set_access_times(AccessTimes which, bool of_folders) = 0;

    virtual const wire::VolumeInfo& volume() const = 0;
    virtual State state() const = 0;

    // --- names and attributes ---
    virtual Task<Known> lookup(Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<Known> getattr(Ino ino) = 0;
    // The attributes that are known without asking, maybe not the latest; null: none are. Good
    // until the next call.
    virtual const Attr* last_known(Ino ino) = 0;
    virtual Task<Known> setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) = 0;
    virtual Task<std::string> readlink(Ino ino) = 0;
    // mkdir, mknod, symlink: mode's S_IFMT says which. `umask` holds where no default ACL does.
    virtual Task<Known> make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                             std::string target, Who who, std::uint32_t umask = 0) = 0;
    virtual Task<Known> link(Ino ino, Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<void> unlink(Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<void> rmdir(Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<void> rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                              std::uint32_t flags, Who who = {}) = 0;
    // The kernel no longer knows the inode. Frees what only an unlinked file's last user kept.
    virtual void forget(Ino ino) = 0;

    // --- directories ---
    virtual Task<OpenedDirectory> opendir(Ino ino, Who who = {}) = 0;
    // Entries after `cookie`, some hundred at most; none at the end. A handle remembers what it
    // read ahead.
    virtual Task<std::vector<Listed>> readdir(HandleId handle, std::uint64_t cookie, bool plus) = 0;
    virtual void releasedir(HandleId handle) = 0;

    // --- files ---
    // `flags` as open(2). O_CREAT without O_EXCL opens what exists. EPERM: the file is immutable,
    // or append-only and not opened so. Without a name it is a file that link() may give one.
    // `kill`: as with write, where O_TRUNC cuts a file.
    virtual Task<Opened> create(Ino parent, std::string name, std::uint32_t mode, int flags,
                                Who who, std::uint32_t umask = 0, Kill kill = {}) = 0;
    virtual Task<Opened> open(Ino ino, int flags, Who who = {}, Kill kill = {}) = 0;
    // Up to `size` bytes; fewer only at the end of the file. Holes read as zeros.
    virtual Task<std::vector<Buffer>> read(HandleId handle, std::uint64_t offset,
                                           std::size_t size) = 0;
    // How many bytes of `data` it took: fewer than all where the volume has room for no more.
    // EFBIG, ENOSPC, EDQUOT, EPERM (it is immutable now). The buffer is kept, not copied, when it
    // is large. `at_offset`: written back from the kernel's pages, so O_APPEND does not move it,
    // it is taken as a whole, and capabilities stay.
    virtual Task<std::size_t> write(HandleId handle, std::uint64_t offset, Buffer data,
                                    bool at_offset, Kill kill) = 0;
    // At each close: reports, once a handle, what went wrong writing back since it was opened.
    virtual Task<void> flush(HandleId handle) = 0;
    // The bytes are in the object store and the metadata that leads to them is synced: new bytes
    // always have new extents, so fdatasync(2) asks for no less.
    virtual Task<void> fsync(HandleId handle) = 0;
    // fallocate(2): what is written later where it kept room always fits. The errors of the message
    // of the same name. `kill` as for write().
    virtual Task<void> allocate(HandleId handle, std::uint32_t mode, std::uint64_t offset,
                                std::uint64_t length, Kill kill) = 0;
    // lseek(2)'s SEEK_DATA, or else SEEK_HOLE, to the page. ENXIO.
    virtual Task<std::uint64_t> seek(HandleId handle, std::uint64_t offset, bool data) = 0;
    // The hole that seek() would pass over, or stop at, where it may be none: somebody has the file
    // open for reading and writing, so it may have been written through a mapping that the kernel
    // has not stored yet. ENXIO.
    virtual Task<UncertainHole> uncertain_hole(HandleId handle, std::uint64_t offset,
                                               bool data) = 0;
    // copy_file_range(2): what is stored is shared, not copied. How many bytes; fewer than `length`
    // at the end of the source, or where an error came in between.
    virtual Task<std::uint64_t> copy(HandleId from, std::uint64_t from_offset, HandleId to,
                                     std::uint64_t offset, std::uint64_t length, Kill kill) = 0;
    virtual void release(HandleId handle) = 0;
    // fsync of a directory: every answered change of names is durable.
    virtual Task<void> fsyncdir(Ino ino) = 0;

    // --- extended attributes ---
    virtual Task<Buffer> getxattr(Ino ino, std::string name, Who who = {}) = 0;
    // `kill_setgid`: with an access ACL, takes the setgid bit away.
    virtual Task<void> setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags,
                                Who who = {}, bool kill_setgid = false) = 0;
    virtual Task<std::vector<std::string>> listxattr(Ino ino) = 0;
    virtual Task<void> removexattr(Ino ino, std::string name, Who who = {}) = 0;

    // The numbers of df(1). Used is what the volume uses, whatever else lies on its disk; free is
    // what is left of the volume's limit or of the store's disk, whichever is less. Without any
    // limit `bytes_unlimited` or `inodes_unlimited` are free.
    static constexpr std::uint64_t bytes_unlimited = std::uint64_t{1} << 50;
    static constexpr std::uint64_t inodes_unlimited = std::uint64_t{1} << 32;
    struct Space {
        std::uint64_t total_bytes = 0, free_bytes = 0, total_inodes = 0, free_inodes = 0;
    };
    virtual Task<Space> statfs() = 0;
};

}  // namespace flexfs::vfs
