#include "lib/meta/acl.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::meta {
namespace {

// u32 version, then entries of u16 tag, u16 permissions, u32 id; little endian.
constexpr std::uint32_t version = 2;
constexpr std::size_t head_bytes = 4, entry_bytes = 8;
constexpr std::uint32_t no_id = UINT32_MAX;

bool has_id(AclTag tag) {
    return tag == AclTag::user || tag == AclTag::group;
}

Result<void> check_acl(const Acl& acl) {
    std::size_t owners = 0, group_owners = 0, masks = 0, others = 0, named = 0;
    AclTag last{};
    for (const AclEntry& entry : acl.entries) {
        if (entry.permissions > 7 || entry.tag < last) return fail(EINVAL);
        last = entry.tag;
        switch (entry.tag) {
            case AclTag::owner: ++owners; break;
            case AclTag::group_owner: ++group_owners; break;
            case AclTag::mask: ++masks; break;
            case AclTag::other: ++others; break;
            case AclTag::user:
            case AclTag::group:
                if (entry.id == no_id) return fail(EINVAL);
                ++named;
                break;
            default: return fail(EINVAL);
        }
    }
    const bool masked = masks == 1 || (masks == 0 && named == 0);
    if (owners != 1 || group_owners != 1 || others != 1 || !masked) return fail(EINVAL);
    return {};
}

}  // namespace

std::uint32_t Acl::permissions() const {
    std::uint32_t owner = 0, group = 0, other = 0;
    for (const AclEntry& entry : entries) {
        if (entry.tag == AclTag::owner) owner = entry.permissions;
        if (entry.tag == AclTag::group_owner || entry.tag == AclTag::mask)
            group = entry.permissions;
        if (entry.tag == AclTag::other) other = entry.permissions;
    }
    return owner << 6 | group << 3 | other;
}

bool Acl::is_only_mode() const {
    return std::ranges::none_of(
        entries, [](const AclEntry& e) { return has_id(e.tag) || e.tag == AclTag::mask; });
}

std::uint32_t Acl::permissions_of(const wire::Who& who, std::uint32_t group,
                                  std::uint32_t wanted) const {
    std::uint32_t mask = 7, other = 0;
    for (const AclEntry& entry : entries) {
        if (entry.tag == AclTag::mask) mask = entry.permissions;
        if (entry.tag == AclTag::other) other = entry.permissions;
    }
    bool is_member = false;
    for (const AclEntry& entry : entries) {
        if (entry.tag == AclTag::user && entry.id == who.uid)
            return entry.permissions & mask & wanted;
        if ((entry.tag == AclTag::group_owner && group == who.gid) ||
            (entry.tag == AclTag::group && entry.id == who.gid)) {
            is_member = true;
            if ((entry.permissions & wanted) == wanted) return mask & wanted;
        }
    }
    return is_member ? 0 : other & wanted;
}

void Acl::chmod(std::uint32_t mode) {
    const bool masked = std::ranges::find(entries, AclTag::mask, &AclEntry::tag) != entries.end();
    for (AclEntry& entry : entries) {
        if (entry.tag == AclTag::owner) entry.permissions = mode >> 6 & 7;
        if (entry.tag == (masked ? AclTag::mask : AclTag::group_owner))
            entry.permissions = mode >> 3 & 7;
        if (entry.tag == AclTag::other) entry.permissions = mode & 7;
    }
}

std::uint32_t Acl::inherit(std::uint32_t mode) {
    const std::uint32_t granted = mode & permissions();
    chmod(granted);
    return (mode & ~std::uint32_t{0777}) | granted;
}

Result<Acl> decode_acl(ByteView value) {
    if (value.size() < head_bytes || (value.size() - head_bytes) % entry_bytes != 0)
        return fail(EINVAL);
    if (load_le<std::uint32_t>(value.data()) != version) return fail(EOPNOTSUPP);
    Acl acl;
    for (std::size_t at = head_bytes; at < value.size(); at += entry_bytes) {
        AclEntry entry{.tag = AclTag(load_le<std::uint16_t>(value.data() + at)),
                       .permissions = load_le<std::uint16_t>(value.data() + at + 2),
                       .id = load_le<std::uint32_t>(value.data() + at + 4)};
        if (!has_id(entry.tag)) entry.id = no_id;
        acl.entries.push_back(entry);
    }
    if (!acl.entries.empty()) TRY(check_acl(acl));
    return acl;
}

Buffer encode_acl(const Acl& acl) {
    WritableBuffer memory(head_bytes + acl.entries.size() * entry_bytes);
    store_le(memory.data(), version);
    std::byte* at = memory.data() + head_bytes;
    for (const AclEntry& entry : acl.entries) {
        store_le(at, static_cast<std::uint16_t>(entry.tag));
        store_le(at + 2, static_cast<std::uint16_t>(entry.permissions));
        store_le(at + 4, has_id(entry.tag) ? entry.id : no_id);
        at += entry_bytes;
    }
    return std::move(memory).freeze();
}

Result<std::optional<Acl>> load_acl(Statements& st, const Inode& inode, std::string_view name) {
    TRY(const std::optional<Buffer> value, load_xattr(st, inode, name));
    if (!value) return std::nullopt;
    Result<Acl> acl = decode_acl(*value);
    if (!acl || acl->entries.empty())
        return fail(EIO, fmt::format("inode {} has a damaged ACL in {}", inode.attr.ino, name));
    return std::move(*acl);
}

}  // namespace flexfs::meta
