#include "lib/volume/claim.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <sstream>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/uuid.h"
#include "lib/process/proc.h"

namespace flexfs::volume {
namespace {

constexpr int tries_max = 5;

std::string first_line(std::string text) {
    return text.substr(0, text.find('\n'));
}

std::string boot_id() {
    return first_line(process::read_proc("sys/kernel/random", "boot_id"));
}

std::string host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "?";
}

conf::Claim of_this_process(const std::string& mount_point) {
    const auto pid = std::uint64_t(::getpid());
    return {.nonce = make_uuid(),
            .host = host_name(),
            .boot = boot_id(),
            .pid_space = process::proc_link("self", "ns/pid"),
            .process = pid,
            .started = start_of_process(pid),
            .mount_point = mount_point};
}

// True if the holder was this process, before it replaced its image, or one of this machine that
// has ended.
bool is_known_to_be_gone(const conf::Claim& holder) {
    if (holder.boot != boot_id() || holder.boot.empty() ||
        holder.pid_space != process::proc_link("self", "ns/pid"))
        return false;
    return holder.process == std::uint64_t(::getpid()) ||
           start_of_process(holder.process) != holder.started;
}

}  // namespace

std::uint64_t start_of_process(std::uint64_t pid) {
    const std::string stat = process::read_proc(std::to_string(pid), "stat");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int at = 3; at <= 22; ++at) {
        fields >> field;
        if (at == 3 && (field == "Z" || field == "X")) return 0;
    }
    const auto ticks = parse_number(field);
    return ticks ? *ticks : 0;
}

Claim::Claim(Loop& loop, object::Store& store, Options options)
    : loop_(loop),
      store_(store),
      options_(std::move(options)),
      mine_(of_this_process(options_.mount_point)) {
    mine_.lease_s = std::uint64_t(
        std::chrono::duration_cast<std::chrono::seconds>(options_.terms.lease).count());
}

Claim::~Claim() = default;

// The claim itself may always be put: that is how a permit is gained.
Result<void> Claim::permit(std::string_view key) const {
    if (key == claim_key) return {};
    if (lost_) return fail(*lost_);
    if (held_ && monotonic_now() - renewed_ < options_.terms.fresh) return {};
    return explain(EIO,
                   fmt::format("the claim of {} could not be renewed for {}", store_.describe(),
                               format_duration(monotonic_now() - renewed_)));
}

bool Claim::may_commit() const {
    return lost_ || !held_ || monotonic_now() - renewed_ < options_.terms.lease;
}

Task<void> Claim::lost() {
    co_await gone_.wait();
    co_await fail(*lost_);
}

std::unexpected<Error> Claim::in_use(const conf::Claim& holder) const {
    const Duration age = std::max(Duration::zero(), Duration(wall_now() - holder.renewed));
    return explain(
        EBUSY,
        fmt::format("{} is in use by the mount on {} of the host {} (process {}), which renewed "
                    "its claim {} ago; stop that mount first. If that host is gone, mount {} after "
                    "the last renewal, or at once with --takeOver",
                    store_.describe(), holder.mount_point, holder.host, holder.process,
                    format_duration(age), format_duration(std::chrono::seconds(holder.lease_s))));
}

Task<std::optional<Claim::Found>> Claim::look(object::Store& store) {
    auto found = co_await result(store.get_versioned(claim_key));
    if (code_of(found) == EOPNOTSUPP) {
        auto content = co_await result(store.get(claim_key));
        if (content) found = object::Versioned{std::move(*content), {}};
        else found = fail(std::move(content.error()));
    }
    if (code_of(found) == ENOENT) co_return std::optional<Found>{};
    const object::Versioned versioned = co_await std::move(found);
    const std::string name = fmt::format("{}/{}", store.describe(), claim_key);
    conf::Claim claim = co_await conf::parse_claim(versioned.content.text(), name);
    co_return std::optional<Found>(Found{std::move(claim), versioned.tag});
}

// Returns true if nobody renews the claim while it is watched.
Task<bool> Claim::stays_unchanged(const Found& found) {
    log::info("{} was last used by the mount on {} of the host {}; watching its claim for {}",
              store_.describe(), found.claim.mount_point, found.claim.host,
              format_duration(options_.terms.watch));
    co_await loop_.sleep(options_.terms.watch);
    const std::optional<Found> now = co_await look(store_);
    co_return now && now->claim.nonce == found.claim.nonce &&
        now->claim.renewed == found.claim.renewed;
}

Task<bool> Claim::is_over(const Found& found) {
    const conf::Claim& holder = found.claim;
    if (holder.released || is_known_to_be_gone(holder)) co_return true;
    if (options_.take_over) co_return true;
    const Duration lease = std::chrono::seconds(holder.lease_s);
    if (Duration(wall_now() - holder.renewed) <= lease) co_return false;
    co_return co_await stays_unchanged(found);
}

Task<void> Claim::check_database(const std::optional<Found>& found) const {
    if (!found || options_.fresh) co_return;
    const conf::Claim& last = found->claim;
    const auto made = conf::load_claims_made(options_.made_path);
    if (!made && made.error().code != ENOENT) co_await fail(made.error());
    if (made && (last.nonce == made->nonce || last.nonce == made->earlier)) co_return;
    co_await explain(
        ESTALE,
        fmt::format("{} was used since with another database, by the mount on {} of the "
                    "host {} ({}); mount it there, or copy that database here, because "
                    "this one is older",
                    store_.describe(), last.mount_point, last.host, format_time(last.renewed)));
}

Task<bool> Claim::put_plainly(const std::string& text) {
    co_await store_.put(claim_key, {Buffer::copy_of(text)});
    if (held_) co_return true;
    co_await loop_.sleep(options_.terms.settle);
    const std::optional<Found> found = co_await look(store_);
    co_return found && found->claim.nonce == mine_.nonce;
}

Task<bool> Claim::put(const std::string& tag, bool released) {
    mine_.renewed = wall_now();
    mine_.released = released;
    const std::string text = conf::print_claim(mine_);
    if (!plain_) {
        auto made = co_await result(store_.put_if(claim_key, Buffer::copy_of(text), tag));
        if (made) {
            tag_ = std::move(*made);
            co_return true;
        }
        if (made.error().code == EEXIST) {
            // An earlier try may have succeeded, although its answer was lost.
            const std::optional<Found> found = co_await look(store_);
            if (!found || found->claim.nonce != mine_.nonce) co_return false;
            tag_ = found->tag;
            co_return true;
        }
        if (made.error().code != EOPNOTSUPP) co_await std::move(made);
        plain_ = true;
    }
    co_return co_await put_plainly(text);
}

// A store that accepts objects and cannot be read, for lack of a permission perhaps, would take all
// data and give none back.
Task<void> Claim::read_back() {
    const std::optional<Found> found = co_await look(store_);
    if (found && found->claim.nonce == mine_.nonce) co_return;
    co_await fail(EIO, fmt::format("{} does not return what was put into it", store_.describe()));
}

Task<void> Claim::take() {
    for (int tries = 1;; ++tries) {
        const std::optional<Found> found = co_await look(store_);
        if (found && !co_await is_over(*found)) co_await in_use(found->claim);
        co_await check_database(found);
        earlier_ = found ? found->claim : conf::Claim{};
        mine_.epoch = earlier_.epoch + 1;
        co_await conf::save_claims_made(options_.made_path, {mine_.nonce, earlier_.nonce});
        const Duration began = monotonic_now();
        if (co_await put(found ? found->tag : std::string(), false)) {
            co_await read_back();
            renewed_ = began;
            break;
        }
        if (tries == tries_max) co_await fail(EBUSY, "other processes claim " + store_.describe());
    }
    const bool was_cut_off =
        !earlier_.host.empty() && !earlier_.released && !is_known_to_be_gone(earlier_);
    if (was_cut_off) {
        const Duration wait = options_.terms.fresh + options_.terms.request;
        log::warn(
            "took {} over from the mount on {} of the host {}; waiting {} until it cannot "
            "change anything any longer",
            store_.describe(), earlier_.mount_point, earlier_.host, format_duration(wait));
        for (const Duration end = monotonic_now() + wait; monotonic_now() < end;) {
            co_await loop_.sleep(std::min(options_.terms.renew, end - monotonic_now()));
            co_await renew();
        }
    }
    held_ = true;
    scope_.start(renew_for_ever());
}

void Claim::lose(const conf::Claim& to) {
    lost_ = Error{ESTALE,
                  fmt::format("{} was taken over by the mount on {} of the host {} (process {})",
                              store_.describe(), to.mount_point, to.host, to.process),
                  true};
    log::error("{}", lost_->message());
    gone_.set();
}

Task<void> Claim::renew() {
    const Duration began = monotonic_now();
    if (plain_) {
        const std::optional<Found> found = co_await look(store_);
        if (found && found->claim.nonce != mine_.nonce) {
            lose(found->claim);
            co_return co_await fail(*lost_);
        }
    }
    if (co_await put(tag_, false)) {
        renewed_ = began;
        co_return;
    }
    const std::optional<Found> found = co_await look(store_);
    if (found) {
        lose(found->claim);
        co_return co_await fail(*lost_);
    }
    log::warn("the claim of {} was removed by somebody; it is made again", store_.describe());
    tag_.clear();
}

Task<void> Claim::renew_for_ever() {
    bool failing = false;
    while (!lost_) {
        co_await loop_.sleep(options_.terms.renew);
        const auto renewed = co_await result(renew());
        if (code_of(renewed) == ECANCELED) co_return;
        if (!renewed && !lost_ && !failing)
            log::warn("the claim of {} cannot be renewed; trying again: {}", store_.describe(),
                      renewed.error().message());
        if (renewed && failing) log::info("the claim of {} is renewed again", store_.describe());
        failing = !renewed;
    }
}

Task<void> Claim::close() {
    co_await scope_.close();
    if (held_ && !lost_) {
        const auto released = co_await result(put(tag_, true));
        if (!released)
            log::warn("the claim of {} could not be released: {}", store_.describe(),
                      released.error().message());
    }
    held_ = false;
}

}  // namespace flexfs::volume
