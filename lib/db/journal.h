// An append-only journal of numbered records beside a database, for changes that are applied but
// not committed there yet. A record costs one small write; a committed page costs far more.
//
// Records have consecutive numbers and are stored in two files in turn. A file is overwritten from
// its start when all its records are durable elsewhere. A record carries its number and a checksum,
// so a crash or a power cut leaves a prefix: reading stops at the first record that is missing or
// torn.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::db {

inline constexpr std::uint32_t record_bytes_max = 256 << 20;

class Journal {
public:
    // The files are `path`.0 and `path`.1; they are created durably if they do not exist. `key`
    // distinguishes the records of one database from those of another.
    static Result<std::unique_ptr<Journal>> open(std::string path, std::uint64_t key);

    // How many of its two files exist: none after remove().
    static int files(const std::string& path);

    // Returns the records from number `first` on, in order, up to the first gap.
    Result<std::vector<Buffer>> read_from(std::uint64_t first);
    // Whether there are records beyond `missing`, the first that read_from() did not find. A power
    // cut may lose `missing` before sync(); otherwise the journal or the database was altered.
    Result<bool> goes_on_after(std::uint64_t missing) const;
    // Adds record `number`, which must follow the last one. After an error (ENOSPC, EIO, EMSGSIZE:
    // it is longer than record_bytes_max) the journal is unchanged. The record survives the end of
    // the process; after sync() also a power cut.
    Result<void> append(std::uint64_t number, ByteView record);
    // When it returns, all records so far are on disk. Any thread. EIO: they may not be, and from
    // then on every sync fails (lib/base/durable.h).
    Result<void> sync();
    // Records up to `number` are durable elsewhere: their space may be reused. Any thread.
    void release(std::uint64_t number) { released_ = number; }
    // Empties both files, durably. EIO as for sync().
    Result<void> clear();
    // Empties and removes both files.
    void remove();
    // The size of the records that are not released, including space between them.
    std::uint64_t bytes() const;

private:
    struct File {
        std::string path;
        Descriptor fd;
        std::uint64_t bytes = 0;  // up to the end of the last record
        std::uint64_t last = 0;   // number of that record
        std::atomic<bool> unsynced = false;
    };
    Journal() = default;
    Result<void> open_file(File& file, std::string path);
    Result<Buffer> load(const File& file) const;
    Result<void> sync_file_data(const File& file);
    // Returns the file that the next record goes to; the record is written at its `bytes`.
    File& turn();

    std::uint64_t key_ = 0;
    std::array<File, 2> files_;
    std::size_t current_ = 0;
    std::atomic<std::uint64_t> released_ = 0;
    std::atomic<bool> sync_failed_ = false;
};

}  // namespace flexfs::db
