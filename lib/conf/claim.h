// The claim of an embedded volume in a bucket: an object that names the process which may change
// the volume, and a file beside each database that remembers what claims were made with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs::conf {

inline constexpr unsigned claim_format = 1;

struct Claim {
    std::uint64_t epoch = 0;  // grows with each holder
    std::string nonce;        // UUID of this hold
    bool released = false;    // the holder ended in an orderly way
    std::string host;         // for people
    std::string boot;         // UUID of the machine's present start
    std::string pid_space;    // of the process id, as proc(5) names it
    std::uint64_t process = 0;
    std::uint64_t started = 0;  // when the process did, in clock ticks since the boot
    std::string mount_point;
    std::uint64_t lease_s = 0;  // the holder changes nothing when it could not renew for this long
    Time renewed = 0;           // by the holder's clock
};

// EINVAL with a sentence that names `name` and the line; EPROTO (of a newer flexfs).
Result<Claim> parse_claim(std::string_view yaml, const std::string& name);
std::string print_claim(const Claim& claim);

// The last claims that were made, or were about to be made, with a database.
struct ClaimsMade {
    std::string nonce;
    std::string earlier;  // the one that `nonce` replaces
};
// ENOENT: none yet. Other errors as load_volume().
Result<ClaimsMade> load_claims_made(const std::string& path);
// The file is durable when this returns.
Result<void> save_claims_made(const std::string& path, const ClaimsMade& made);

}  // namespace flexfs::conf
