// The filesystem of one mount, without FUSE: it answers the requests of a kernel from grants and
// caches, the metadata service and the object store. Everything runs on one loop. The caller (the
// kernel) checks permission bits, except for root where Options::squash is on: root's requests are
// checked here and fail with EACCES and EPERM.
//
// Every operation may fail with EIO (a fault, logged once with its context), ESTALE (the inode is
// gone) and ECANCELED (its task was stopped, for example by a signal), in addition to the errors
// that its comment or the message of the same name in lib/wire/messages.h lists.
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

// When a read, a listing or a readlink changes the access time. Reads that the kernel serves from
// its caches do not arrive here; for a file whose data the kernel caches, opening it counts
// instead.
enum class AccessTimes {
    never,
    relative,  // if the known one is not after the last change, or is a day old
    always,
};

struct Options {
    std::string volume;  // id or name; empty: the only volume of the server
    bool read_only = false;
    wire::Squash squash;
    AccessTimes access_times = AccessTimes::relative;
    bool folder_access_times = true;  // false: never change those of folders
    bool flush_on_close = false;      // close waits as fsync does
    Duration dirty_age_max = std::chrono::seconds(5);
    Duration late_margin = std::chrono::seconds(5);  // data may take this long to be stored
    unsigned store_requests_max = 16;                // concurrent puts and concurrent gets, each
};

// The kernel's caches. Entries must be dropped when another client changes what they show, or when
// this client changes it without the kernel's knowledge. Called on the loop; must not wait.
class KernelCaches {
public:
    virtual ~KernelCaches() = default;
    virtual void drop_attributes(Ino ino) = 0;
    // Takes effect before anything that is answered after this call. Only for an inode that a
    // request in progress keeps in the kernel's memory: for an inode that the kernel is evicting,
    // the kernel would wait for this process.
    virtual void drop_attributes_now(Ino ino) = 0;
    virtual void drop_data(Ino ino) = 0;
    virtual void drop_entry(Ino parent, const std::string& name) = 0;
    // `walk` drops everything that the client knows of, one by one; pages of other inodes are
    // dropped when they are opened next. An implementation with a bounded queue calls it, on the
    // loop, when the queue overflows, instead of losing entries.
    virtual void on_overflow(std::function<void()> walk) { static_cast<void>(walk); }
};

// Attributes that may be cached until KernelCaches drops them; if `cacheable` is false they are
// valid only at this moment.
struct Known {
    Attr attr;
    bool cacheable = false;
};

// Whether a change of a file's data clears its setuid and setgid bits, as it does unless the caller
// has CAP_FSETID (lib/wire/privileges.h).
struct Kill {
    Kill(bool kills = false, bool setgid = false) : privileges(kills), setgid_too(setgid) {}
    bool privileges;
    bool setgid_too;  // also setgid without group execution: the caller is not in the file's group
};

struct Opened {
    Known node;
    HandleId handle = 0;
    bool keep_cache = false;  // the kernel's cached data is up to date
    bool accessed = false;    // the access time changed: the kernel's cached one is outdated
};

struct OpenedDirectory {
    HandleId handle = 0;
    bool keep_cache = false;  // the kernel's cached listing is up to date
};

// One position in a directory listing: "." and ".." come first, with cookies 1 and 2.
struct Listed {
    std::string name;
    std::uint64_t cookie = 0;  // pass it to readdir() to continue after this entry
    Known node;                // without `plus` only ino and the type in mode are set
};

// Bytes [first, last) of a file that are a hole as far as this client knows, but that may have been
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

// State for `flexfs mount status` and for tests.
struct State {
    std::uint64_t dirty_bytes = 0, dirty_files = 0;  // while there is trouble, these wait
    Duration dirty_oldest{};
    // Data is to be stored within the bound; how often it was not.
    Duration dirty_bound{};
    std::uint64_t dirty_late = 0;
    std::uint64_t stored_bytes = 0;  // written back since the start
    WriteBackTrouble trouble;
    std::uint64_t failed_reads = 0;  // the data is missing, damaged or not reachable
    std::uint64_t open_handles = 0, cached_inodes = 0;
    std::uint64_t cache_hits = 0, cache_misses = 0;  // chunks of file data found in memory, or not
};

// The answer to getxattr() of durability_name for a regular file: whether all that this client
// wrote to it is in the store, and the metadata that leads to it on the disk of the metadata
// service. For other inodes the answer is ENODATA. The attribute is not listed, so that no copy of
// the file has it.
inline constexpr std::string_view durability_name = "flexfs.durability";
inline constexpr std::string_view durability_memory = "memory", durability_store = "store";

// A file with data that is not stored yet.
struct UnstoredFile {
    std::string path;  // in the volume, for people: as in path_of(), or a description
    std::uint64_t bytes = 0;
};

// Makes the caller through which the client reaches the metadata service, in this process or
// elsewhere.
using Connect = std::function<std::unique_ptr<rpc::Caller<wire::Metadata>>(
    rpc::Client<wire::Metadata>& client)>;

class Filesystem {
public:
    // Opens the session, or continues the one that another client handed over (ESTALE: that session
    // has ended). `store` and `budget` must outlive the client; `caches` may be null.
    static Task<std::unique_ptr<Filesystem>> open(Loop& loop, Connect connect, object::Store& store,
                                                  cache::Budget& budget, Options options,
                                                  KernelCaches* caches,
                                                  std::optional<HandedOver> from = {});
    virtual ~Filesystem() = default;
    // Writes back everything unsent, durably. After an error the rest stays unsent and may be
    // retried.
    virtual Task<void> flush_all() = 0;
    // Stores, durably, everything that was written before this call. Data that cannot be written
    // back is retried until it can. Returns the names of files of which data is lost instead.
    virtual Task<std::vector<std::string>> store_written() = 0;
    // Returns `most` files at most with data that is not stored yet; the oldest come first.
    virtual std::vector<UnstoredFile> unstored(std::size_t most) const = 0;
    // Returns the state for the client in the process image that replaces this one. Call it after
    // flush_all(), with no request in progress. Changes nothing.
    virtual HandedOver hand_over() const = 0;
    // Closes all handles because the kernel has gone away, and discards unsent data of inodes
    // without a name.
    virtual void end_handles() = 0;
    // Writes back everything unsent, durably, or discards it, and closes the session. Returns the
    // first error of data that could not be written.
    enum class AtClose { write_back, give_up };
    virtual Task<void> close(AtClose unsent = AtClose::write_back) = 0;

    // Replaces the values that Options set, from now on.
    virtual void set_access_times(AccessTimes which, bool of_folders) = 0;

    virtual const wire::VolumeInfo& volume() const = 0;
    virtual State state() const = 0;
    // How long the kernel may rely on what it is told now, as long as nothing revokes it: not
    // longer than the session's lease lasts, if it has one.
    virtual Duration reliable_for() const { return Duration::max(); }

    virtual Task<Known> lookup(Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<Known> getattr(Ino ino) = 0;
    // Returns the attributes that are known without asking, possibly outdated; null if there are
    // none. The pointer is valid until the next call.
    virtual const Attr* last_known(Ino ino) = 0;
    virtual Task<Known> setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) = 0;
    virtual Task<std::string> readlink(Ino ino) = 0;
    // mkdir, mknod and symlink; the S_IFMT bits of `mode` say which. `umask` applies unless the
    // folder has a default ACL.
    virtual Task<Known> make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                             std::string target, Who who, std::uint32_t umask = 0) = 0;
    virtual Task<Known> link(Ino ino, Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<void> unlink(Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<void> rmdir(Ino parent, std::string name, Who who = {}) = 0;
    virtual Task<void> rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                              std::uint32_t flags, Who who = {}) = 0;
    // The kernel no longer knows the inode. Releases an unlinked inode that has no other user.
    virtual void forget(Ino ino) = 0;

    virtual Task<OpenedDirectory> opendir(Ino ino, Who who = {}) = 0;
    // Returns the entries after `cookie`, a few hundred at most; none at the end. A handle keeps
    // what it has read ahead.
    virtual Task<std::vector<Listed>> readdir(HandleId handle, std::uint64_t cookie, bool plus) = 0;
    virtual void releasedir(HandleId handle) = 0;

    // `flags` are those of open(2). O_CREAT without O_EXCL opens an existing file. EPERM: the file
    // is immutable, or is append-only and not opened with O_APPEND. With an empty name the file has
    // no name, and link() may give it one. `kill` is as in write(), for O_TRUNC.
    virtual Task<Opened> create(Ino parent, std::string name, std::uint32_t mode, int flags,
                                Who who, std::uint32_t umask = 0, Kill kill = {}) = 0;
    virtual Task<Opened> open(Ino ino, int flags, Who who = {}, Kill kill = {}) = 0;
    // Reads up to `size` bytes; fewer only at the end of the file. Holes read as zeros.
    virtual Task<std::vector<Buffer>> read(HandleId handle, std::uint64_t offset,
                                           std::size_t size) = 0;
    // Returns how many bytes of `data` were written: fewer than all if the volume has no space for
    // more. EFBIG, ENOSPC, EDQUOT, EPERM (the file is immutable now). A large buffer is kept, not
    // copied. `at_offset`: the data is written back from the kernel's pages, so O_APPEND does not
    // move it, it is written completely or not at all, and capabilities stay.
    virtual Task<std::size_t> write(HandleId handle, std::uint64_t offset, Buffer data,
                                    bool at_offset, Kill kill) = 0;
    // Called at each close. Reports, once per handle, an error of writing back since it was opened.
    virtual Task<void> flush(HandleId handle) = 0;
    // When it returns, the bytes are in the object store and the metadata that refers to them is
    // synced. fdatasync(2) needs the same, because new bytes always have new extents.
    virtual Task<void> fsync(HandleId handle) = 0;
    // fallocate(2): later writes to the space that it reserved always fit. Fails with the errors of
    // the message of the same name. `kill` is as in write().
    virtual Task<void> allocate(HandleId handle, std::uint32_t mode, std::uint64_t offset,
                                std::uint64_t length, Kill kill) = 0;
    // lseek(2)'s SEEK_DATA, or SEEK_HOLE if `data` is false, to the page. ENXIO.
    virtual Task<std::uint64_t> seek(HandleId handle, std::uint64_t offset, bool data) = 0;
    // Returns the hole that seek() would skip, or stop at, if it may not be a hole: the file is
    // open for reading and writing, so it may have been written through a mapping that the kernel
    // has not written back yet. ENXIO.
    virtual Task<UncertainHole> uncertain_hole(HandleId handle, std::uint64_t offset,
                                               bool data) = 0;
    // copy_file_range(2): stored data is shared, not copied. Returns how many bytes were copied;
    // fewer than `length` at the end of the source, or if an error occurred on the way.
    virtual Task<std::uint64_t> copy(HandleId from, std::uint64_t from_offset, HandleId to,
                                     std::uint64_t offset, std::uint64_t length, Kill kill) = 0;
    virtual void release(HandleId handle) = 0;
    // fsync of a directory: every answered change of names is durable when it returns.
    virtual Task<void> fsyncdir(Ino ino) = 0;

    virtual Task<Buffer> getxattr(Ino ino, std::string name, Who who = {}) = 0;
    // `kill_setgid`: setting an access ACL clears the setgid bit.
    virtual Task<void> setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags,
                                Who who = {}, bool kill_setgid = false) = 0;
    virtual Task<std::vector<std::string>> listxattr(Ino ino) = 0;
    virtual Task<void> removexattr(Ino ino, std::string name, Who who = {}) = 0;

    // The numbers of df(1). Used is what the volume uses, regardless of other data on its disk;
    // free is what is left of the volume's limit or of the store's disk, whichever is less. If
    // there is no limit, `bytes_unlimited` or `inodes_unlimited` are free.
    static constexpr std::uint64_t bytes_unlimited = std::uint64_t{1} << 50;
    static constexpr std::uint64_t inodes_unlimited = std::uint64_t{1} << 32;
    struct Space {
        std::uint64_t total_bytes = 0, free_bytes = 0, total_inodes = 0, free_inodes = 0;
    };
    virtual Task<Space> statfs() = 0;
};

}  // namespace flexfs::vfs
