// A SQLite database in WAL mode: one connection that reads and writes, and a second one that copies
// the log.
//
// Errors are errno values: ENOSPC (disk full), EIO (disk error, a failed sync, or a damaged
// database: the context says what to do), EBUSY, EACCES, EROFS, ENOENT, ENOMEM, EEXIST (a unique
// row exists).
//
// Power cuts. With synchronous=NORMAL a commit appends its pages to the log and returns without
// waiting for the disk. Each frame of the log carries a salt from the log's header and a checksum
// over everything before it, so a power cut leaves a prefix of whole commits: recovery takes frames
// up to the last complete commit. sync() extends that prefix to at least the present. SQLite itself
// syncs the log before a checkpoint copies from it, the database before the log starts anew, and a
// new log's header before its first frames, so no page is ever only in a place that a power cut
// could lose. Therefore nothing that was committed before a sync() is lost; of later commits, only
// the last ones may be lost, each as a whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/db/stmt.h"

struct sqlite3;

namespace flexfs::db {

struct Options {
    std::string path;
    bool create = false;
    std::uint32_t page_bytes = 4096;  // of a new database: a power of two, 512 to 65536
    std::size_t cache_bytes =
        64 << 20;  // of pages; a transaction keeps all pages that it dirties, even if they are more
};

// How much of the log has been copied into the database file.
struct LogState {
    std::uint64_t bytes = 0;  // from the log's start to its last frame
    std::uint64_t uncopied = 0;
};

// Sizes in bytes, including the log and the open transaction.
struct Room {
    std::uint64_t growth = 0;  // by how much the file grows when the log is copied
    std::uint64_t free = 0;    // in free pages inside the file
};

class Db {
public:
    static Result<std::unique_ptr<Db>> open(Options options);
    // Whether the last process that had the database open left a log: it was killed, or the power
    // failed. Before open().
    static bool has_log(const std::string& path);
    // Opens a second connection that only reads, for use on another thread, one thread at a time.
    // Stmts that write fail on it with EROFS. It must be destroyed before `db`.
    static Result<std::unique_ptr<Db>> open_reader(const Db& db, std::size_t cache_bytes);
    // Copies the log into the database and removes it, unless a sync has failed: then the next
    // open() determines which part of the log is complete. All Stmts must be destroyed before.
    ~Db();
    Db(const Db&) = delete;
    Db& operator=(const Db&) = delete;

    // Prepares `sql`, which is one statement. A mistake in it is a bug, not an error; EIO means
    // that the schema is damaged.
    Result<Stmt> prepare(std::string_view sql);
    // Executes one or several statements without results; for schemas and pragmas, not for hot
    // paths.
    Result<void> execute(const std::string& sql);
    // Returns the first column of the first row; 0 if there is none.
    Result<std::int64_t> number(std::string_view sql);

    // Transactions do not nest. The first read after begin() takes a snapshot; the first write
    // makes the transaction the writer.
    Result<void> begin();
    // After an error nothing is committed and no transaction is open.
    Result<void> commit();
    void rollback();
    bool in_transaction() const;

    // Brings a database of format n to `steps.size()` by executing steps[n], …, each in a
    // transaction that also sets the format's number. EPROTO: the database has a newer format than
    // there are steps.
    Result<void> migrate(std::span<const char* const> steps);

    // When it returns, everything committed before is on disk. Any thread. EIO: it may not be on
    // disk, and from then on every sync and every copy of the log fails (lib/base/durable.h).
    Result<void> sync();
    // EIO: a sync has failed.
    Result<void> check_syncs() const;
    // Copies the log into the database as far as readers allow, syncing both. Any thread, but only
    // one at a time.
    Result<LogState> checkpoint();
    // Copies the whole log and truncates its file to zero bytes. Any thread, but never beside
    // checkpoint(), and the owner neither has a transaction open nor changes anything meanwhile.
    // EBUSY: there is a reader, and the log is copied but not truncated.
    Result<LogState> cut_log();
    // The owner calls this after cut_log(): the log is counted from its start again.
    void log_was_cut() { log_frames_ = copied_frames_ = 0; }
    // Copies the rest of the log, so that the log starts anew; on the owner's thread, outside
    // transactions. The file is truncated if it has grown very large, or if `cut` is set. EBUSY: a
    // checkpoint() runs.
    Result<LogState> restart_log(bool cut = false);
    std::uint64_t log_bytes() const;
    // The part of the log that was not copied when it was copied last. An estimate.
    std::uint64_t uncopied_bytes() const;
    // The size of the file, including the remainder of an older, longer log.
    std::uint64_t log_file_bytes() const;
    Result<Room> room();
    std::uint64_t log_frames_written() const { return frames_written_; }

    // Counts the errors that were not answers (EEXIST is an answer). If it has changed, roll back.
    std::uint64_t faults() const { return faults_; }
    // Makes the nth writing statement from now, including commits, and the `times` - 1 after it
    // fail with `code`.
    void fail_statement(int nth, int code, int times);
    // From now on every commit, and every fail_if_told(), fails with `code`; 0: none does.
    void fail_disk(int code) { disk_code_ = code; }
    // Called by code that writes beside the database, so that its writes fail together with
    // commits.
    Result<void> fail_if_told(std::string_view doing);
    // Counts the statements that may have changed rows.
    std::uint64_t writes() const { return writes_; }

    const std::string& path() const { return path_; }
    // Returns one line per step of the statement's plan.
    Result<std::string> plan(std::string_view sql);

private:
    friend class Stmt;
    Db() = default;
    Result<void> connect(const Options& options);
    Result<void> prepare_transactions();
    Result<void> prepare_log();
    Result<LogState> copy_log(sqlite3* connection, int mode);
    std::uint64_t bytes_of_log(std::uint64_t frames) const;
    // Converts `code` of the main connection to an error, and counts it.
    Error fault(int code, std::string_view doing);
    Result<void> injected(std::string_view doing);

    std::string path_;
    sqlite3* main_ = nullptr;
    sqlite3* copier_ = nullptr;  // only checkpoint() uses it
    Stmt begin_, commit_, rollback_;
    Descriptor log_;
    std::atomic<bool> sync_failed_ = false;
    std::uint32_t page_bytes_ = 0;
    std::uint64_t log_frames_ = 0;
    std::atomic<std::uint64_t> copied_frames_ = 0;  // of the log, from its start
    std::uint64_t frames_written_ = 0;
    std::uint64_t faults_ = 0;
    int fail_in_ = 0;  // writing statements until the next injected failure; 0: none is pending
    int fail_code_ = 0;
    int fail_times_ = 0;
    int disk_code_ = 0;
    std::uint64_t writes_ = 0;
};

}  // namespace flexfs::db
