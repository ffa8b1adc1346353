#include "lib/wire/acl.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>

namespace flexfs::wire {
namespace {

const std::vector<AclEntry> shared_with_7 = {{AclTag::owner, 7, AclEntry::no_id},
                                             {AclTag::user, 7, 7},
                                             {AclTag::group_owner, 5, AclEntry::no_id},
                                             {AclTag::mask, 7, AclEntry::no_id},
                                             {AclTag::other, 0, AclEntry::no_id}};

}  // namespace

TEST_CASE("an ACL is encoded as Linux has it") {
    CHECK(to_hex(encode_acl_entries(shared_with_7)) ==
          "02000000"
          "01000700ffffffff"
          "0200070007000000"
          "04000500ffffffff"
          "10000700ffffffff"
          "20000000ffffffff");
    CHECK(decode_acl_entries(encode_acl_entries(shared_with_7)).value() == shared_with_7);
}

TEST_CASE("an ACL that was cut, or is of another version, is refused") {
    std::string bytes(encode_acl_entries(shared_with_7).text());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = decode_acl_entries(as_bytes(std::string_view(bytes).substr(0, size)));
        CHECK(code_of(cut) == (size >= 4 && size % 8 == 4 ? 0 : EINVAL));
    }
    bytes[0] = 1;
    CHECK(code_of(decode_acl_entries(as_bytes(bytes))) == EOPNOTSUPP);
}

}  // namespace flexfs::wire
