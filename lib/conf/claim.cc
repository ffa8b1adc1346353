#include "lib/conf/claim.h"

#include "lib/conf/conf.h"

namespace flexfs::conf {
namespace {

Layout layout_of(Claim& claim) {
    return {{required(number("epoch", claim.epoch)), required(text("nonce", claim.nonce)),
             flag("released", claim.released), text("host", claim.host), text("boot", claim.boot),
             text("pid_space", claim.pid_space), number("process", claim.process),
             number("started", claim.started), text("mount_point", claim.mount_point),
             number("lease_s", claim.lease_s), time("renewed", claim.renewed)},
            claim_format};
}

Layout layout_of(ClaimsMade& made) {
    return {{required(text("nonce", made.nonce)), text("earlier", made.earlier)}, claim_format};
}

}  // namespace

Result<Claim> parse_claim(std::string_view yaml, const std::string& name) {
    Claim claim;
    TRY(parse(yaml, name, layout_of(claim)));
    return claim;
}

std::string print_claim(const Claim& claim) {
    Claim copy = claim;
    return print(layout_of(copy));
}

Result<ClaimsMade> load_claims_made(const std::string& path) {
    ClaimsMade made;
    TRY(load(path, layout_of(made)));
    return made;
}

Result<void> save_claims_made(const std::string& path, const ClaimsMade& made) {
    ClaimsMade copy = made;
    return save(path, layout_of(copy), Access::owner);
}

}  // namespace flexfs::conf
