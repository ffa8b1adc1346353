#include "lib/meta/acl.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::meta {
namespace {

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
                if (entry.id == AclEntry::no_id) return fail(EINVAL);
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
        entries, [](const AclEntry& e) { return e.has_id() || e.tag == AclTag::mask; });
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
    TRY(std::vector<AclEntry> entries, wire::decode_acl_entries(value));
    Acl acl{std::move(entries)};
    if (!acl.entries.empty()) TRY(check_acl(acl));
    return acl;
}

Buffer encode_acl(const Acl& acl) {
    return wire::encode_acl_entries(acl.entries);
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
