#include "lib/db/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "lib/base/durable.h"
#include "lib/base/format.h"

namespace flexfs::db {
namespace {

// Records are appended to a file until it has this size and the other one is free.
constexpr std::uint64_t file_bytes = 8 << 20;

// Stored in memory layout: little endian.
struct Header {
    std::uint64_t number = 0;
    std::uint64_t check = 0;  // over key, number and record
    std::uint64_t bytes = 0;
};

// FNV-1a over words, mixed at the end (Steele, Lea, Flood). It detects torn and stale records,
// which is its only purpose: forging a record requires write access to the database's folder.
std::uint64_t checksum(std::uint64_t key, std::uint64_t number, ByteView record) {
    constexpr std::uint64_t prime = 0x100000001b3;
    std::uint64_t sum = (key ^ 0xcbf29ce484222325) * prime;
    sum = (sum ^ number) * prime;
    sum = (sum ^ record.size()) * prime;
    std::size_t at = 0;
    for (; at + 8 <= record.size(); at += 8) {
        sum = (sum ^ load_le<std::uint64_t>(record.data() + at)) * prime;
        sum ^= sum >> 29;
    }
    for (; at < record.size(); ++at)
        sum = (sum ^ std::to_integer<std::uint64_t>(record[at])) * prime;
    sum = (sum ^ sum >> 30) * 0xbf58476d1ce4e5b9;
    sum = (sum ^ sum >> 27) * 0x94d049bb133111eb;
    return sum ^ sum >> 31;
}

// Returns the record at the front of `rest`, if it is complete and has the number.
std::optional<Buffer> record_at(const Buffer& rest, std::uint64_t key, std::uint64_t number) {
    if (rest.size() < sizeof(Header)) return std::nullopt;
    const auto header = load_le<Header>(rest.data());
    if (header.number != number || header.bytes > rest.size() - sizeof header) return std::nullopt;
    Buffer record = rest.slice(sizeof header, header.bytes);
    if (checksum(key, number, record) != header.check) return std::nullopt;
    return record;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(std::string path, std::uint64_t key) {
    std::unique_ptr<Journal> journal(new Journal);
    journal->key_ = key;
    TRY(journal->open_file(journal->files_[0], path + ".0"));
    TRY(journal->open_file(journal->files_[1], path + ".1"));
    // The names are also synced if the files exist already: a process may have ended between
    // creating and syncing them.
    TRY(sync_name_of(path));
    return journal;
}

int Journal::files(const std::string& path) {
    return int(::access((path + ".0").c_str(), F_OK) == 0) +
           int(::access((path + ".1").c_str(), F_OK) == 0);
}

Result<void> Journal::open_file(File& file, std::string path) {
    file.path = std::move(path);
    file.fd = Descriptor(::open(file.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.fd.valid()) return fail_errno("open " + file.path);
    return {};
}

Result<Buffer> Journal::load(const File& file) const {
    struct stat st;
    if (::fstat(file.fd.get(), &st) != 0) return fail_errno("stat " + file.path);
    WritableBuffer memory(static_cast<std::size_t>(st.st_size));
    std::size_t done = 0;
    while (done < memory.size()) {
        const ssize_t got =
            ::pread(file.fd.get(), memory.data() + done, memory.size() - done, off_t(done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno("read " + file.path);
        if (got == 0) break;
        done += std::size_t(got);
    }
    return std::move(memory).freeze(done);
}

Result<std::vector<Buffer>> Journal::read_from(std::uint64_t first) {
    std::vector<Buffer> records;
    std::array<Buffer, 2> contents;
    for (std::size_t i : {0, 1}) {
        TRY(contents[i], load(files_[i]));
    }
    // Each file begins with some record and holds its successors. The requested records start
    // anywhere in one file and may continue at the front of the other.
    for (bool more = true; more;) {
        more = false;
        for (const Buffer& content : contents) {
            if (content.size() < sizeof(Header)) continue;
            std::uint64_t number = load_le<Header>(content.data()).number;
            std::size_t at = 0;
            while (auto record = record_at(content.slice(at), key_, number)) {
                at += sizeof(Header) + record->size();
                if (number == first + records.size()) {
                    records.push_back(std::move(*record));
                    more = true;
                }
                ++number;
            }
        }
    }
    return records;
}

Result<bool> Journal::goes_on_after(std::uint64_t missing) const {
    for (const File& file : files_) {
        TRY(const Buffer content, load(file));
        if (content.size() < sizeof(Header)) continue;
        const auto front = load_le<Header>(content.data()).number;
        if (front > missing && record_at(content, key_, front)) return true;
        // The length in a damaged header may be wrong, so the next record may be anywhere.
        for (std::size_t at = 0; at + sizeof(Header) <= content.size(); ++at)
            if (load_le<std::uint64_t>(content.data() + at) == missing + 1 &&
                record_at(content.slice(at), key_, missing + 1))
                return true;
    }
    return false;
}

Journal::File& Journal::turn() {
    File& now = files_[current_];
    const std::uint64_t released = released_;
    if (now.bytes == 0) return now;
    if (now.last <= released) {
        now.bytes = 0;
        return now;
    }
    File& other = files_[1 - current_];
    if (now.bytes < file_bytes || other.last > released) return now;
    other.bytes = 0;
    current_ = 1 - current_;
    return other;
}

Result<void> Journal::append(std::uint64_t number, ByteView record) {
    if (record.size() > record_bytes_max)
        return fail(EMSGSIZE, fmt::format("a journal record of {} bytes", record.size()));
    File& file = turn();
    const Header header{number, checksum(key_, number, record), record.size()};
    iovec parts[] = {{const_cast<Header*>(&header), sizeof header},
                     {const_cast<std::byte*>(record.data()), record.size()}};
    const std::size_t size = sizeof header + record.size();
    ssize_t written = -1;
    do {
        written = ::pwritev(file.fd.get(), parts, 2, off_t(file.bytes));
    } while (written < 0 && errno == EINTR);
    // A partial record is not a record; the next one overwrites it.
    if (written < 0) return fail_errno("write " + file.path);
    if (std::size_t(written) < size) return fail(ENOSPC, "write " + file.path);
    file.bytes += size;
    file.last = number;
    file.unsynced = true;
    return {};
}

Result<void> Journal::sync_file_data(const File& file) {
    auto synced = sync_data(file.fd.get(), file.path);
    if (!synced) sync_failed_ = true;
    return synced;
}

Result<void> Journal::sync() {
    if (sync_failed_) return explain(EIO, "an earlier sync of the journal failed");
    for (File& file : files_)
        if (file.unsynced.exchange(false)) TRY(sync_file_data(file));
    return {};
}

Result<void> Journal::clear() {
    for (File& file : files_) {
        struct stat st;
        if (::fstat(file.fd.get(), &st) == 0 && st.st_size == 0) continue;
        if (::ftruncate(file.fd.get(), 0) != 0) return fail_errno("truncate " + file.path);
        TRY(sync_file_data(file));
        file.bytes = file.last = 0;
    }
    return {};
}

void Journal::remove() {
    for (File& file : files_) ::unlink(file.path.c_str());
}

std::uint64_t Journal::bytes() const {
    std::uint64_t sum = 0;
    for (const File& file : files_)
        if (file.last > released_) sum += file.bytes;
    return sum;
}

}  // namespace flexfs::db
