#include "lib/process/handover.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/format.h"

namespace flexfs::process {

void write_handover_head(std::byte* at, std::string_view magic, std::uint32_t format) {
    std::memcpy(at, magic.data(), magic.size());
    store_le(at + magic.size(), format);
}

Result<void> check_handover_head(const Buffer& bytes, std::string_view magic,
                                 std::uint32_t format) {
    if (bytes.size() < handover_head_bytes || !bytes.text().starts_with(magic))
        return explain(EPROTO, "there is nothing to take over");
    const auto found = load_le<std::uint32_t>(bytes.data() + magic.size());
    if (found == format) return {};
    return explain(EPROTO, fmt::format("the running process hands over in format {}, but this "
                                       "flexfs takes over in format {}",
                                       found, format));
}

Result<Descriptor> save_handover(ByteView bytes) {
    Descriptor memory(::memfd_create("flexfs-handover", MFD_CLOEXEC));
    if (!memory.valid()) return fail_errno("cannot reserve memory for the restart");
    while (!bytes.empty()) {
        const ssize_t written = ::write(memory.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("cannot reserve memory for the restart");
        bytes = bytes.subspan(std::size_t(written));
    }
    return memory;
}

Result<Buffer> load_handover(int memory) {
    struct stat attr;
    if (::fstat(memory, &attr) != 0) return fail_errno("cannot read the state to take over");
    WritableBuffer bytes(std::size_t(attr.st_size));
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t size = ::pread(memory, bytes.data() + have, bytes.size() - have, off_t(have));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno("cannot read the state to take over");
        if (size == 0) break;
        have += std::size_t(size);
    }
    return std::move(bytes).freeze(have);
}

}  // namespace flexfs::process
