#include "roles/mount/takeover.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/wire/codec.h"
#include "roles/mount/embedded.h"
#include "roles/mount/image.h"

namespace flexfs::mount {
namespace {

constexpr std::string_view magic = "flexfsTO";
constexpr std::uint32_t format = 1;
constexpr std::size_t head_bytes = magic.size() + sizeof format;

Result<void> write_all(int memory, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(memory, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("memory for the restart");
        bytes = bytes.subspan(std::size_t(written));
    }
    return {};
}

}  // namespace

Buffer encode_takeover(const Takeover& takeover) {
    WritableBuffer bytes(head_bytes + wire::encoded_size(takeover));
    std::memcpy(bytes.data(), magic.data(), magic.size());
    store_le(bytes.data() + magic.size(), format);
    wire::Encoder(bytes.data() + head_bytes).put(takeover);
    return std::move(bytes).freeze();
}

Result<Takeover> decode_takeover(const Buffer& bytes) {
    if (bytes.size() < head_bytes || !bytes.text().starts_with(magic))
        return explain(EPROTO, "there is no mount to take over");
    const auto found = load_le<std::uint32_t>(bytes.data() + magic.size());
    if (found != format)
        return explain(EPROTO, fmt::format("the running mount hands over in format {}, and this "
                                           "flexfs takes over in format {}",
                                           found, format));
    return wire::decode<Takeover>(bytes.slice(head_bytes));
}

Result<int> save_takeover(const Takeover& takeover) {
    const int memory = ::memfd_create("flexfs-takeover", MFD_CLOEXEC);
    if (memory < 0) return fail_errno("memory for the restart");
    if (auto written = write_all(memory, encode_takeover(takeover)); !written) {
        ::close(memory);
        return fail(std::move(written.error()));
    }
    return memory;
}

Result<Takeover> load_takeover(int memory) {
    struct stat attr;
    if (::fstat(memory, &attr) != 0) return fail_errno("what is to be taken over");
    WritableBuffer bytes(std::size_t(attr.st_size));
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t size = ::pread(memory, bytes.data() + have, bytes.size() - have, off_t(have));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("what is to be taken over");
        if (size == 0) break;
        have += std::size_t(size);
    }
    return decode_takeover(std::move(bytes).freeze(have));
}

std::vector<std::string> takeover_command(const Takeover& takeover, const char* flag, int memory) {
    std::vector<std::string> words{"flexfs", "mount"};
    words.insert(words.end(), takeover.command.begin(), takeover.command.end());
    words.push_back(fmt::format("{}={}", flag, memory));
    return words;
}

Result<void> check_takeover(const MountOptions& options) {
    TRY(const Takeover takeover, load_takeover(int(*options.check_takeover)));
    TRY(fuse::check_negotiated(takeover.negotiated));
    TRY(Embedded::check({.address = options.volume, .db_folder = options.db_folder},
                        takeover.volume));
    fmt::print("{}", takeover_consent);
    return {};
}

void give_back(const Takeover& takeover, int memory, const std::string& why) {
    log::error("this flexfs cannot take over the mount, and gives it back: {}", why);
    std::vector<std::string> words = takeover_command(takeover, "--takeover", memory);
    words.push_back("--takeoverFailed=" + why);
    std::vector<int> kept = takeover.descriptors();
    kept.push_back(memory);
    const Error failed = become(path_of(takeover.own_program), words, kept);
    log::error("giving it back: {}", failed.message());
}

}  // namespace flexfs::mount
