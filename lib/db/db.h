// A SQLite database in WAL mode: one connection that reads and writes, and one beside it that
// copies the log.
//
// Errors are errno values: ENOSPC (disk full), EIO (disk error, a failed sync, or a damaged
// database: the context says what to do), EBUSY, EACCES, EROFS, ENOENT, ENOMEM, EEXIST (a unique
// row exists).
//
// Power cuts. With synchronous=NORMAL a commit appends its pages to the log and returns without
// waiting for the disk. Each frame of the log carries a salt from the log's header and a checksum
// over everything before it, so a power cut leaves a prefix of whole commits: recovery takes frames
// up to the last commit that is wholly there. sync() makes that prefix reach at least to now.
// SQLite itself syncs the log before a checkpoint copies from it and the database before the log
// starts anew, and a new log's header before its first frames, so a page is never only in a place
// that a cut could lose. Hence: after sync() nothing committed before is lost; without it only the
// last moments are, as a whole.
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
        64 << 20;  // of pages; a transaction that dirties more keeps all it dirtied
};

// How much of the log is in the database file.
struct LogState {
    std::uint64_t bytes = 0;  // from the log's start to its last frame
    std::uint64_t uncopied = 0;
};

// In bytes, of the database with all that is in the log, and in the open transaction.
struct Room {
    std::uint64_t growth = 0;  // of its file, when the log is copied
    std::uint64_t free = 0;    // in pages inside it
};

class Db {
public:
    static Result<std::unique_ptr<Db>> open(Options options);
    // A connection beside that of `db` that only reads: on a thread of its own, one at a time.
    // Stmts that write fail on it with EROFS. It must go before `db`.
    static Result<std::unique_ptr<Db>> open_reader(const Db& db, std::size_t cache_bytes);
    // Copies the log into the database and removes it, unless a sync has failed: then the next
    // open() finds out what of the log is whole. All Stmts must be gone.
    ~Db();
    Db(const Db&) = delete;
    Db& operator=(const Db&) = delete;

    // `sql` is one statement. A mistake in it is a bug, not an error; EIO stands for a damaged
    // schema.
    Result<Stmt> prepare(std::string_view sql);
    // One or several statements without results; for schemas and pragmas, not for hot paths.
    Result<void> execute(const std::string& sql);
    // The first column of the first row; 0 when there is none.
    Result<std::int64_t> number(std::string_view sql);

    // Transactions do not nest. begin() takes a snapshot with the first read; the first write makes
    // it the writer's.
    Result<void> begin();
    // On an error nothing is committed and no transaction is open.
    Result<void> commit();
    void rollback();
    bool in_transaction() const;

    // Brings a database of format n to `steps.size()` by executing steps[n], …, each in a
    // transaction with its number. EPROTO: the database is of a newer format than there are steps.
    Result<void> migrate(std::span<const char* const> steps);

    // Everything committed before is on disk when it returns. Any thread. EIO: it may not be, and
    // from then on every sync and every copy of the log fails (lib/base/durable.h).
    Result<void> sync();
    // Whether no sync has failed so far. EIO.
    Result<void> check_syncs() const;
    // Copies the log into the database as far as no reader is in the way, syncing both. Any thread,
    // one at a time.
    Result<LogState> checkpoint();
    // Copies all of it and cuts its file to nothing. Any thread, but never beside checkpoint(), and
    // the owner neither has a transaction open nor changes anything meanwhile. EBUSY: somebody
    // reads, and the log is copied but not cut.
    Result<LogState> cut_log();
    // To be called by the owner after cut_log(): the log is counted from its start again.
    void log_was_cut() { log_frames_ = 0; }
    // Copies the rest, so that the log starts anew; the owner's thread, outside transactions. A
    // file that has grown very large is cut, and any if `cut`. EBUSY: a checkpoint() runs.
    Result<LogState> restart_log(bool cut = false);
    std::uint64_t log_bytes() const;
    // On the disk: with what is left of an older, longer log.
    std::uint64_t log_file_bytes() const;
    Result<Room> room();
    std::uint64_t log_frames_written() const { return frames_written_; }

    // Counts the errors that were not answers (EEXIST is one); a change means: roll back.
    std::uint64_t faults() const { return faults_; }
    // The nth writing statement from now, commits included, and the `times` - 1 after it fail with
    // `code`.
    void fail_statement(int nth, int code, int times);
    // Every commit, and whatever asks fail_if_told(), fails with `code` from now on; 0: none does.
    void fail_disk(int code) { disk_code_ = code; }
    // For what is written beside the database: whether it is to fail, too.
    Result<void> fail_if_told(std::string_view doing);
    // Counts the statements that may have changed rows.
    std::uint64_t writes() const { return writes_; }

    const std::string& path() const { return path_; }
    // One line per step of the statement's plan.
    Result<std::string> plan(std::string_view sql);

private:
    friend class Stmt;
    Db() = default;
    Result<void> connect(const Options& options);
    Result<void> prepare_transactions();
    Result<void> prepare_log();
    Result<LogState> copy_log(sqlite3* connection, int mode);
    std::uint64_t bytes_of_log(std::uint64_t frames) const;
    // The error that `code` of the main connection stands for; counted.
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
    std::uint64_t frames_written_ = 0;
    std::uint64_t faults_ = 0;
    int fail_in_ = 0;  // writing statements until the next injected failure; 0: none to come
    int fail_code_ = 0;
    int fail_times_ = 0;
    int disk_code_ = 0;
    std::uint64_t writes_ = 0;
};

}  // namespace flexfs::db
