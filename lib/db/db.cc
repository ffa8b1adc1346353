#include "lib/db/db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/durable.h"
#include "lib/base/format.h"

namespace flexfs::db {
namespace {

// This VFS locks other processes out, and so needs no system calls for locks: our two connections
// share memory. A tool that opens the database meanwhile gets an error that it is locked.
constexpr const char* vfs = "unix-excl";

constexpr std::uint64_t log_kept_bytes = 128 << 20;
constexpr std::uint64_t log_header_bytes = 32;
constexpr std::uint64_t frame_header_bytes = 24;

// SQLite keeps statistics of its memory under a mutex that every allocation takes; they are not
// used.
void configure_sqlite() {
    static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    static_cast<void>(done);
}

// After a failed sync the content of the disk is unknown, even if the error is that it is full.
bool is_sync(int code) {
    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

int errno_of(sqlite3* connection, int code) {
    if (is_sync(code)) return EIO;
    const int system = connection ? sqlite3_system_errno(connection) : 0;
    switch (code & 0xff) {
        case SQLITE_FULL: return ENOSPC;
        case SQLITE_IOERR:
            if (code == SQLITE_IOERR_NOMEM) return ENOMEM;
            return system == ENOSPC || system == EDQUOT ? ENOSPC : EIO;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return EBUSY;
        case SQLITE_READONLY: return EROFS;
        case SQLITE_PERM:
        case SQLITE_AUTH: return EACCES;
        case SQLITE_NOMEM: return ENOMEM;
        case SQLITE_CANTOPEN: return system ? system : ENOENT;
        case SQLITE_CONSTRAINT: return EEXIST;
        default: return EIO;
    }
}

bool damaged(int code) {
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

// Whether the last access to the database's file or its log failed. SQLite reports pages that the
// disk cannot read as damage, but keeps the system's error with the file.
bool is_unreadable(sqlite3* connection) {
    if (!connection) return false;
    int of_database = 0, of_log = 0;
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &of_database);
    sqlite3_file* log = nullptr;
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
    const auto is_of_disk = [](int code) { return code == EIO || code == ENXIO; };
    return is_of_disk(of_database) || is_of_disk(of_log);
}

Error error_of(sqlite3* connection, int code, const std::string& path, std::string_view doing) {
    const char* reason = connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
    if (damaged(code) && is_unreadable(connection))
        return {EIO,
                fmt::format("the disk cannot read the metadata database {}; the database itself "
                            "may be intact",
                            path),
                true};
    if (damaged(code))
        return {EIO,
                fmt::format("the metadata database {} is damaged ({}); stop using it and "
                            "restore it from a backup",
                            path, reason),
                true};
    return {errno_of(connection, code), fmt::format("{}: {}: {}", path, doing, reason)};
}

Result<sqlite3*> connect_to(const std::string& path, int flags) {
    sqlite3* connection = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &connection, flags | SQLITE_OPEN_NOMUTEX, vfs);
    if (code != SQLITE_OK) {
        Error error = error_of(connection, code, path, "open");
        sqlite3_close(connection);
        return fail(std::move(error));
    }
    sqlite3_extended_result_codes(connection, 1);
    return connection;
}

}  // namespace

Result<std::unique_ptr<Db>> Db::open(Options options) {
    configure_sqlite();
    std::unique_ptr<Db> db(new Db);
    db->path_ = options.path;
    TRY(db->connect(options));
    TRY(db->prepare_log());
    return db;
}

bool Db::has_log(const std::string& path) {
    struct stat log;
    return ::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
}

Db::~Db() {
    if (in_transaction()) rollback();
    for (Stmt* stmt : {&begin_, &commit_, &rollback_}) *stmt = Stmt();
    sqlite3_close(copier_);
    if (!main_) return;
    if (sync_failed_) sqlite3_db_config(main_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    else if (log_.valid())
        sqlite3_wal_checkpoint_v2(main_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    check(sqlite3_close(main_) == SQLITE_OK);
}

Result<std::unique_ptr<Db>> Db::open_reader(const Db& db, std::size_t cache_bytes) {
    std::unique_ptr<Db> reader(new Db);
    reader->path_ = db.path_;
    reader->page_bytes_ = db.page_bytes_;
    TRY(reader->main_, connect_to(db.path_, SQLITE_OPEN_READWRITE));
    TRY(
        reader->execute(fmt::format("PRAGMA cache_size=-{};PRAGMA temp_store=MEMORY;"
                                    "PRAGMA mmap_size=0;PRAGMA query_only=1;",
                                    std::max<std::size_t>(cache_bytes >> 10, 256))));
    TRY(reader->prepare_transactions());
    return reader;
}

Result<void> Db::prepare_transactions() {
    TRY(begin_, prepare("BEGIN"));
    TRY(commit_, prepare("COMMIT"));
    TRY(rollback_, prepare("ROLLBACK"));
    return {};
}

Result<void> Db::connect(const Options& options) {
    TRY(main_,
        connect_to(path_, SQLITE_OPEN_READWRITE | (options.create ? SQLITE_OPEN_CREATE : 0)));
    // The page size comes first, because it cannot change once the database is in WAL mode.
    TRY(execute(
        fmt::format("PRAGMA page_size={};"
                    "PRAGMA journal_mode=WAL;"
                    "PRAGMA synchronous=NORMAL;"
                    "PRAGMA wal_autocheckpoint=0;"
                    "PRAGMA cache_size=-{};"
                    "PRAGMA cache_spill=0;"
                    "PRAGMA temp_store=MEMORY;"
                    "PRAGMA mmap_size=0;",
                    options.page_bytes, std::max<std::size_t>(options.cache_bytes >> 10, 256))));
    TRY(std::int64_t page_bytes, number("PRAGMA page_size"));
    page_bytes_ = static_cast<std::uint32_t>(page_bytes);
    TRY(prepare_transactions());
    commit_.writes_ =
        true;  // SQLite calls it read-only, but it is the statement that tests most need to fail

    TRY(copier_, connect_to(path_, SQLITE_OPEN_READWRITE));
    sqlite3_exec(copier_,
                 "PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=NORMAL; "
                 "PRAGMA cache_size=16; PRAGMA mmap_size=0;",
                 nullptr, nullptr, nullptr);
    return {};
}

Result<void> Db::prepare_log() {
    TRY(number("SELECT count(*) FROM sqlite_schema"));  // reads the database, which creates the log
    const auto count_frames = [](void* self, sqlite3*, const char*, int frames) {
        auto& db = *static_cast<Db*>(self);
        const auto now = static_cast<std::uint64_t>(frames);
        db.frames_written_ += now >= db.log_frames_ ? now - db.log_frames_ : now;
        if (now < db.log_frames_) db.copied_frames_ = 0;
        db.log_frames_ = now;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(main_, count_frames, this);
    const std::string log = path_ + "-wal";
    log_ = Descriptor(::open(log.c_str(), O_RDWR | O_CLOEXEC));
    if (!log_.valid()) return fail_errno("open " + log);
    struct stat st;
    if (::fstat(log_.get(), &st) == 0 && st.st_size > 0)
        log_frames_ = static_cast<std::uint64_t>(st.st_size) / (page_bytes_ + frame_header_bytes);
    return sync_name_of(path_);
}

Result<Stmt> Db::prepare(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(main_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return fail(fault(code, sql));
    return Stmt(*this, handle);
}

Result<void> Db::execute(const std::string& sql) {
    const int code = sqlite3_exec(main_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(fault(code, sql));
    return {};
}

Result<std::int64_t> Db::number(std::string_view sql) {
    TRY(Stmt stmt, prepare(sql));
    Query query(stmt);
    TRY(bool found, query.next());
    return found ? query.integer(0) : 0;
}

Result<void> Db::begin() {
    return begin_.run();
}

Result<void> Db::commit() {
    auto committed = disk_code_ != 0 ? fail_if_told("commit") : commit_.run();
    if (!committed) rollback();
    return committed;
}

void Db::rollback() {
    // After some errors SQLite has already rolled back.
    if (in_transaction()) static_cast<void>(rollback_.run());
    check(!in_transaction());
}

bool Db::in_transaction() const {
    return main_ && !sqlite3_get_autocommit(main_);
}

Result<void> Db::migrate(std::span<const char* const> steps) {
    TRY(std::int64_t format, number("PRAGMA user_version"));
    if (format < 0 || static_cast<std::uint64_t>(format) > steps.size())
        return fail(EPROTO, fmt::format("{} has metadata format {}, and this version of flexfs "
                                        "knows formats up to {}; use a newer version",
                                        path_, format, steps.size()));
    for (auto next = static_cast<std::size_t>(format); next < steps.size(); ++next) {
        TRY(begin());
        auto done = execute(fmt::format("{};PRAGMA user_version={}", steps[next], next + 1));
        if (!done) {
            rollback();
            return done;
        }
        TRY(commit());
    }
    return {};
}

Result<void> Db::check_syncs() const {
    if (!sync_failed_) return {};
    return explain(EIO, fmt::format("{}: an earlier sync failed, so the state on disk "
                                    "is unknown",
                                    path_));
}

Result<void> Db::sync() {
    TRY(check_syncs());
    auto synced = sync_data(log_.get(), path_ + "-wal");
    if (!synced) sync_failed_ = true;
    return synced;
}

Result<LogState> Db::copy_log(sqlite3* connection, int mode) {
    TRY(check_syncs());
    int frames = 0, copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(connection, nullptr, mode, &frames, &copied);
    if (is_sync(code)) sync_failed_ = true;
    const bool partly = code == SQLITE_BUSY && mode == SQLITE_CHECKPOINT_PASSIVE;
    if (code != SQLITE_OK && !partly) return fail(error_of(connection, code, path_, "checkpoint"));
    const auto whole = static_cast<std::uint64_t>(std::max(frames, 0));
    const auto done = std::min(static_cast<std::uint64_t>(std::max(copied, 0)), whole);
    copied_frames_ = done;
    return LogState{bytes_of_log(whole), (whole - done) * (page_bytes_ + frame_header_bytes)};
}

Result<LogState> Db::checkpoint() {
    return copy_log(copier_, SQLITE_CHECKPOINT_PASSIVE);
}

Result<LogState> Db::cut_log() {
    return copy_log(copier_, SQLITE_CHECKPOINT_TRUNCATE);
}

Result<LogState> Db::restart_log(bool cut) {
    // Overwriting a file's old blocks is much faster than extending it again.
    const int mode = cut || log_bytes() > log_kept_bytes ? SQLITE_CHECKPOINT_TRUNCATE
                                                         : SQLITE_CHECKPOINT_RESTART;
    TRY(copy_log(main_, mode));
    log_frames_ = copied_frames_ = 0;
    return LogState{};
}

std::uint64_t Db::bytes_of_log(std::uint64_t frames) const {
    return frames == 0 ? 0 : log_header_bytes + frames * (page_bytes_ + frame_header_bytes);
}

std::uint64_t Db::log_bytes() const {
    return bytes_of_log(log_frames_);
}

std::uint64_t Db::uncopied_bytes() const {
    return bytes_of_log(log_frames_ - std::min<std::uint64_t>(copied_frames_, log_frames_));
}

std::uint64_t Db::log_file_bytes() const {
    struct stat file;
    return ::fstat(log_.get(), &file) == 0 ? std::uint64_t(file.st_size) : 0;
}

Result<Room> Db::room() {
    TRY(const std::int64_t pages, number("PRAGMA page_count"));
    TRY(const std::int64_t free, number("PRAGMA freelist_count"));
    struct stat file;
    if (::stat(path_.c_str(), &file) != 0) return fail_errno(path_);
    const std::uint64_t bytes = std::uint64_t(pages) * page_bytes_;
    const std::uint64_t now = std::uint64_t(file.st_size);
    return Room{bytes - std::min(now, bytes), std::uint64_t(free) * page_bytes_};
}

void Db::fail_statement(int nth, int code, int times) {
    fail_in_ = nth;
    fail_code_ = code;
    fail_times_ = times;
}

Result<void> Db::fail_if_told(std::string_view doing) {
    if (disk_code_ != 0) {
        ++faults_;
        return fail(disk_code_, fmt::format("{}: {}: injected failure", path_, doing));
    }
    return fail_in_ > 0 ? injected(doing) : Result<void>();
}

Result<void> Db::injected(std::string_view doing) {
    if (--fail_in_ > 0) return {};
    if (--fail_times_ > 0) fail_in_ = 1;
    ++faults_;
    return fail(fail_code_, fmt::format("{}: {}: injected failure", path_, doing));
}

Error Db::fault(int code, std::string_view doing) {
    if ((code & 0xff) != SQLITE_CONSTRAINT) ++faults_;
    if (is_sync(code)) sync_failed_ = true;
    return error_of(main_, code, path_, doing);
}

Result<std::string> Db::plan(std::string_view sql) {
    TRY(Stmt stmt, prepare(fmt::format("EXPLAIN QUERY PLAN {}", sql)));
    Query query(stmt);
    std::string plan;
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return plan;
        plan += query.text(3);
        plan += '\n';
    }
}

}  // namespace flexfs::db
