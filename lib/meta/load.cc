#include "lib/meta/load.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <bit>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/meta/schema.h"
#include "lib/meta/transact.h"

namespace flexfs::meta {
namespace {

// The second format records the identity with which root acts in a session; NULL: as root. The
// third has unwritten extents, which no older program would understand. The fourth has small files'
// data in forms that the clients choose (see Small); older rows are plain: `bytes` is NULL. The
// fifth has slots for the names of one group, versions of small files' data, the form of each
// extent's frame (all older frames are whole), and the hash of the secret that resumes a session.
// Groups 0 and 1 are one (position_of); a name beyond the eighth of its group shares the last slot.
constexpr const char* formats[] = {
    schema_sql,
    "ALTER TABLE session ADD COLUMN squash_uid INTEGER;"
    "ALTER TABLE session ADD COLUMN squash_gid INTEGER",
    "",
    "ALTER TABLE inline ADD COLUMN bytes INTEGER;"
    "ALTER TABLE inline_history ADD COLUMN bytes INTEGER",
    "ALTER TABLE inline ADD COLUMN seq INTEGER;"
    "ALTER TABLE inline_history ADD COLUMN seq INTEGER;"
    "ALTER TABLE dentry ADD COLUMN slot INTEGER;"
    "ALTER TABLE dentry_history ADD COLUMN slot INTEGER;"
    "UPDATE dentry SET slot = (SELECT count(*) FROM (SELECT 1 FROM dentry d "
    "WHERE d.parent = dentry.parent "
    "AND d.hash >= CASE WHEN dentry.hash >> 36 = 0 THEN 0 ELSE dentry.hash >> 35 << 35 END "
    "AND (d.hash, d.name) < (dentry.hash, dentry.name) LIMIT 7)) "
    "WHERE EXISTS (SELECT 1 FROM dentry d WHERE d.parent = dentry.parent "
    "AND d.hash >= CASE WHEN dentry.hash >> 36 = 0 THEN 0 ELSE dentry.hash >> 35 << 35 END "
    "AND (d.hash, d.name) < (dentry.hash, dentry.name));"
    "ALTER TABLE extent ADD COLUMN form INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE extent ADD COLUMN chunks BLOB;"
    "ALTER TABLE extent_history ADD COLUMN form INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE extent_history ADD COLUMN chunks BLOB;"
    "ALTER TABLE session ADD COLUMN secret BLOB",
};

// An inode and an entry take about 300 bytes, 550 with the longest name, and up to twice the kept
// number is held. So rows take a quarter of the cache at most, and pages take the rest.
constexpr std::size_t cache_bytes_a_row = 4096;

// Reads the value of that name from a table of names and values. Returns false if there is none;
// `value` stays unchanged.
template <class T>
Result<bool> get_value(db::Stmt& table, std::string_view name, T& value) {
    db::Query query(table, name);
    TRY(const bool found, query.next());
    if (!found) return false;
    if constexpr (std::is_same_v<T, std::string>) value = query.text(0);
    else value = static_cast<T>(query.integer(0));
    return true;
}

// Reads what put_info() wrote. Empty optional: the database is new.
Result<std::optional<wire::VolumeInfo>> get_info(Statements& st) {
    wire::VolumeInfo info;
    const auto get = [&](std::string_view name, auto& value) {
        return get_value(st.volume_get, name, value);
    };
    TRY(const bool found, get("id", info.id));
    if (!found) return std::nullopt;
    TRY(get("name", info.name));
    TRY(get("block_bytes", info.block_bytes));
    TRY(get("compression", info.compression));
    TRY(get("inline_bytes", info.inline_bytes));
    TRY(get("max_inodes", info.max_inodes));
    TRY(get("max_blocks", info.max_blocks));
    TRY(get("retention_ns", info.retention_ns));
    return info;
}

constexpr std::string_view name_key_row = "name_key";

std::uint64_t random_key() {
    std::uint64_t key = 0;
    check(getrandom(&key, sizeof key, 0) == sizeof key);
    return key;
}

// Loads the key of the volume's name hash. Before the fifth format the key was a hash of the
// volume's id; such a volume keeps it, because the order of its directories depends on it.
Result<void> load_name_key(State& state) {
    TRY(const bool found, get_value(state.st.volume_get, name_key_row, state.name_key));
    if (found) return {};
    state.name_key = name_hash(state.info.id, 0);
    TRY(state.db->begin());
    TRY(state.st.volume_put.run(name_key_row, state.name_key));
    return state.db->commit();
}

// The initial state of a volume is in no record: a replica gets it with the database.
Result<void> make_volume(State& state, const Options& options) {
    TRY(state.db->begin());
    Txn tx(state);
    tx.start(0, {}, options.now);
    TRY(put_info(tx.st(), options.info));
    TRY(tx.st().volume_put.run(name_key_row, options.name_key ? *options.name_key : random_key()));
    tx.change_info() = options.info;
    Inode& root = tx.create();
    check(root.attr.ino == wire::root_ino);
    root.attr.mode = S_IFDIR | (options.root_mode & 07777);
    root.attr.uid = options.root_uid;
    root.attr.gid = options.root_gid;
    root.attr.nlink = 2;
    root.attr.parent = wire::root_ino;
    tx.end_call();
    tx.settle();
    TRY(write_back(state));
    TRY(state.db->commit());
    if (state.observer) state.observer->committed();
    return {};
}

Result<void> load_counters(State& state) {
    Statements& st = state.st;
    Counters counters;
    for (const auto& [name, value] : counter_rows)
        TRY(get_value(st.counter_get, name, counters.*value));
    TRY(get_value(st.counter_get, "batch", state.batch));
    db::Query query(st.inode_last, 0);
    TRY(bool found, query.next());
    counters.next_ino = std::max(counters.ino_floor, found ? query.number(0) : 0) + 1;
    state.counters = state.written = counters;
    return {};
}

Result<void> load_sessions(State& state) {
    auto sessions = std::make_shared<Sessions>();
    db::Query query(state.st.session_list);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) break;
        const SessionId id = query.number(0);
        if (query.integer(3) != 0) {
            sessions->ended.push_back(id);
        } else {
            SessionInfo session{id, std::string(query.text(1)), query.integer(2) != 0};
            if (!query.null(4))
                session.squash = {true, query.as<std::uint32_t>(4), query.as<std::uint32_t>(5)};
            if (!query.null(6)) session.secret = Buffer::copy_of(query.blob(6));
            sessions->open.emplace(id, std::move(session));
        }
    }
    state.sessions = std::move(sessions);
    return {};
}

// Applies records that the database lacks, because a process ended between writing the two.
Result<void> apply_journal(State& state) {
    TRY(std::vector<Buffer> records, state.journal->read_from(state.batch + 1));
    TRY(const bool gap, state.journal->goes_on_after(state.batch + 1 + records.size()));
    if (gap)
        log::error(
            "the journal of the metadata database {} has a gap; the changes after it are lost. "
            "A power cut can leave a gap in changes that were not synced; otherwise the disk "
            "or a program altered the journal",
            state.db->path());
    for (Buffer& record : records) {
        TRY(open_transaction(state));
        TRY(replay(state, record));
        ++state.batch;
        state.pending.bytes += record.size();
        state.pending.records.push_back(std::move(record));
        if (state.pending.bytes > 1 << 20) TRY(commit_pending(state));
    }
    TRY(commit_pending(state));
    // A journal that is reused must not hold records with future numbers.
    TRY(state.db->sync());
    return state.journal->clear();
}

}  // namespace

Result<void> check_info(const wire::VolumeInfo& info) {
    if (!std::has_single_bit(info.block_bytes) || info.block_bytes < wire::block_bytes_min ||
        info.block_bytes > wire::block_bytes_max)
        return explain(EINVAL, "the block size must be a power of two from 256 KiB to 8 MiB");
    if (info.inline_bytes > wire::inline_bytes_max)
        return explain(EINVAL,
                       fmt::format("inline files have at most {} bytes", wire::inline_bytes_max));
    return {};
}

Result<void> put_info(Statements& st, const wire::VolumeInfo& info) {
    const auto put = [&](std::string_view name, const auto& value) {
        return st.volume_put.run(name, value);
    };
    TRY(put("id", std::string_view(info.id)));
    TRY(put("name", std::string_view(info.name)));
    TRY(put("block_bytes", info.block_bytes));
    TRY(put("compression", std::to_underlying(info.compression)));
    TRY(put("inline_bytes", info.inline_bytes));
    TRY(put("max_inodes", info.max_inodes));
    TRY(put("max_blocks", info.max_blocks));
    return put("retention_ns", info.retention_ns);
}

Result<bool> load_memory(State& state) {
    TRY(load_counters(state));
    TRY(load_sessions(state));
    {
        db::Query cut(state.st.cut_first);
        TRY(state.cuts, cut.next());
    }
    TRY(std::optional<wire::VolumeInfo> info, get_info(state.st));
    if (info) state.info = std::move(*info);
    return info.has_value();
}

Result<void> open_journal(State& state, const Options& options, bool log_left) {
    const std::string path = options.path + "-calls";
    const int files = db::Journal::files(path);
    state.was_closed = !log_left && files == 0;
    if (log_left && files < 2)
        log::error(
            "a file of the journal {} of the metadata database is missing, although the last "
            "process was killed or the power failed; changes that were not yet in the database "
            "are lost",
            path);
    TRY(state.journal, db::Journal::open(path, name_hash(state.info.id, 0)));
    return {};
}

Result<void> load(State& state, const Options& options) {
    const bool log_left = db::Db::has_log(options.path);
    state.observer = options.observer;
    state.inodes.keep(options.cache_bytes / cache_bytes_a_row);
    state.entries.keep(options.cache_bytes / cache_bytes_a_row);
    TRY(state.db, db::Db::open({.path = options.path,
                                .create = options.create,
                                .page_bytes = options.page_bytes,
                                .cache_bytes = options.cache_bytes / 4 * 3}));
    TRY(state.db->migrate(formats));
    TRY(state.st, Statements::prepare(*state.db));
    TRY(const bool made, load_memory(state));
    // The metadata database was truncated to nothing: the volume must not appear to be empty.
    if (!made && !options.create)
        return explain(EIO, fmt::format("the metadata database {} is damaged (it is empty); stop "
                                        "using it and restore it from a backup",
                                        options.path));
    if (!made) TRY(make_volume(state, options));
    TRY(load_name_key(state));
    state.name_groups = options.name_groups;
    TRY(open_journal(state, options, made && log_left));
    TRY(state.reserve.open(options.path + "-reserve", options.reserve_bytes));
    state.committed = state;
    TRY(apply_journal(state));
    state.committed_batch = state.batch;
    state.loaded = true;
    return {};
}

}  // namespace flexfs::meta
