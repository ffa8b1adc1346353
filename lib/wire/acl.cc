#include "lib/wire/acl.h"

#include <cerrno>

namespace flexfs::wire {
namespace {

// The format: u32 version, then entries of u16 tag, u16 permissions, u32 id; little endian.
constexpr std::uint32_t version = 2;
constexpr std::size_t head_bytes = 4, entry_bytes = 8;

}  // namespace

Result<std::vector<AclEntry>> decode_acl_entries(ByteView value) {
    if (value.size() < head_bytes || (value.size() - head_bytes) % entry_bytes != 0)
        return fail(EINVAL);
    if (load_le<std::uint32_t>(value.data()) != version) return fail(EOPNOTSUPP);
    std::vector<AclEntry> entries;
    for (std::size_t at = head_bytes; at < value.size(); at += entry_bytes) {
        AclEntry entry{.tag = AclTag(load_le<std::uint16_t>(value.data() + at)),
                       .permissions = load_le<std::uint16_t>(value.data() + at + 2),
                       .id = load_le<std::uint32_t>(value.data() + at + 4)};
        if (!entry.has_id()) entry.id = AclEntry::no_id;
        entries.push_back(entry);
    }
    return entries;
}

Buffer encode_acl_entries(const std::vector<AclEntry>& entries) {
    WritableBuffer memory(head_bytes + entries.size() * entry_bytes);
    store_le(memory.data(), version);
    std::byte* at = memory.data() + head_bytes;
    for (const AclEntry& entry : entries) {
        store_le(at, static_cast<std::uint16_t>(entry.tag));
        store_le(at + 2, static_cast<std::uint16_t>(entry.permissions));
        store_le(at + 4, entry.has_id() ? entry.id : AclEntry::no_id);
        at += entry_bytes;
    }
    return std::move(memory).freeze();
}

}  // namespace flexfs::wire
