#include "lib/object/bucket_store.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/base/uuid.h"
#include "lib/object/http_text.h"
#include "lib/object/ranged_answer.h"
#include "lib/task/scope.h"

namespace flexfs::object {
namespace {

constexpr std::size_t deletes_at_once = 32;
// An answer to a ranged request that is an error may be longer than the range.
constexpr std::uint64_t error_bytes_max = 1 << 20;

// Returns the tag without the quotes around it.
std::string bare(std::string_view tag) {
    if (tag.size() < 2 || !tag.starts_with('"') || !tag.ends_with('"')) return std::string(tag);
    return std::string(tag.substr(1, tag.size() - 2));
}

}  // namespace

BucketStore::BucketStore(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
                         std::unique_ptr<Dialect> dialect, std::string prefix, Throttled throttled)
    : bucket_(loop, client, std::move(signer), std::move(dialect), std::move(throttled)),
      root_(prefix.empty() ? prefix : std::move(prefix) + '/') {}

std::string BucketStore::describe() const {
    const std::string address = bucket_.dialect().address();
    return root_.empty() ? address : address + '/' + root_.substr(0, root_.size() - 1);
}

BucketRequest BucketStore::put_request(std::string key, std::vector<Buffer> pieces) const {
    return {.purpose = Purpose::put,
            .method = "PUT",
            .key = std::move(key),
            .headers = bucket_.dialect().put_headers(),
            .body = std::move(pieces)};
}

// Every store answers a put with a tag. An answer without one is from something that is not a
// store, and the object may not be stored.
Task<std::string> BucketStore::tag_of(const http::Response& response) const {
    const auto name = bucket_.dialect().tag_header();
    const auto tag = response.headers.find(name);
    if (!tag || tag->empty())
        co_await fail(bucket_.strange_answer(fmt::format("there is no header {}", name)));
    co_return std::string(*tag);
}

Task<void> BucketStore::put(std::string key, std::vector<Buffer> pieces) {
    co_await check_key(key);
    ++counters_.puts;
    const std::uint64_t bytes = total_bytes(pieces);
    if (bytes > object_bytes_max) co_await fail(EFBIG);
    const http::Response response =
        co_await bucket_.send(put_request(root_ + key, std::move(pieces)));
    co_await tag_of(response);
    counters_.put_bytes += bytes;
}

Task<Buffer> BucketStore::get(std::string key, std::uint64_t offset, std::size_t size) {
    co_await check_key(key);
    // An empty range cannot be asked for, and the rest only serves to tell ERANGE from ENOENT.
    if (size == 0 || size > object_bytes_max || offset > UINT64_MAX - size) {
        const std::uint64_t whole = co_await this->size(std::move(key));
        if (offset > whole || size > whole - offset) co_await fail(ERANGE);
        if (size > object_bytes_max) co_await fail(EFBIG);
        co_return Buffer();
    }
    ++counters_.gets;
    const std::string range = fmt::format("bytes={}-{}", offset, offset + size - 1);
    const http::Response response = co_await bucket_.send(
        {.key = root_ + key,
         .headers = {{"Range", range}},
         .response_bytes_max = std::max<std::uint64_t>(size, error_bytes_max)});
    auto got = ranged_body(response, offset, size);
    if (!got) co_await fail(bucket_.wrong_answer(got.error()));
    counters_.get_bytes += size;
    co_return std::move(*got);
}

Task<Buffer> BucketStore::get(std::string key) {
    co_await check_key(key);
    ++counters_.gets;
    http::Response response =
        co_await bucket_.send({.key = root_ + key, .response_bytes_max = object_bytes_max});
    counters_.get_bytes += response.body.size();
    co_return std::move(response.body);
}

Task<std::uint64_t> BucketStore::size(std::string key) {
    co_await check_key(key);
    ++counters_.gets;
    const auto answer =
        co_await result(bucket_.send({.method = "HEAD", .key = root_ + std::move(key)}));
    // Bucket::send() asked for the first byte, and there is none.
    if (code_of(answer) == ERANGE) co_return 0;
    const http::Response response = co_await answer;
    const auto bytes = whole_length(response);
    if (!bytes) co_await fail(bucket_.strange_answer("it has no length"));
    co_return *bytes;
}

Task<Versioned> BucketStore::get_versioned(std::string key) {
    co_await check_key(key);
    ++counters_.gets;
    http::Response response =
        co_await bucket_.send({.key = root_ + key, .response_bytes_max = versioned_bytes_max});
    std::string tag = co_await tag_of(response);
    counters_.get_bytes += response.body.size();
    co_return Versioned{std::move(response.body), std::move(tag)};
}

Task<std::string> BucketStore::put_on_condition(std::string key, Buffer content, std::string tag) {
    ++counters_.puts;
    const std::uint64_t bytes = content.size();
    std::vector<Buffer> pieces{std::move(content)};
    BucketRequest request = put_request(std::move(key), std::move(pieces));
    const http::Header condition = bucket_.dialect().condition(bare_tags_ ? bare(tag) : tag);
    request.headers.set(condition.name, condition.value);
    auto answer = co_await result(bucket_.send(std::move(request)));
    // An object that is gone does not have the tag either.
    if (code_of(answer) == ENOENT && !tag.empty()) co_await fail(EEXIST);
    const http::Response response = co_await std::move(answer);
    counters_.put_bytes += bytes;
    co_return co_await tag_of(response);
}

Task<std::string> BucketStore::put_if(std::string key, Buffer content, std::string tag) {
    co_await check_key(key);
    if (content.size() > versioned_bytes_max) co_await fail(EFBIG);
    if (conditions_ == Conditions::unknown) {
        const auto guard = co_await probing_.lock();
        if (conditions_ == Conditions::unknown) conditions_ = co_await probe_conditions();
    }
    if (conditions_ == Conditions::ignored) co_await fail(EOPNOTSUPP);
    co_return co_await put_on_condition(root_ + std::move(key), std::move(content), std::move(tag));
}

// The object has a name that no key of a store can have, and another one each time: two machines
// may probe at the same time.
Task<BucketStore::Conditions> BucketStore::probe_conditions() {
    const std::string key = root_ + ".probe-" + make_uuid();
    std::vector<Buffer> pieces{Buffer::copy_of("probe")};
    ++counters_.puts;
    const http::Response stored = co_await bucket_.send(put_request(key, std::move(pieces)));
    const std::string present = co_await tag_of(stored);
    std::string other = present;
    const auto digit = other.find_last_of("0123456789");
    if (digit == std::string::npos) other.insert(other.size() / 2, "1");
    else other[digit] = other[digit] == '1' ? '2' : '1';

    const auto respected = co_await result(respects_conditions(key, present, other));
    std::vector<std::string> keys{key};
    co_await result(remove_singly(std::move(keys)));  // what stays is small and is never read
    co_return co_await respected ? Conditions::respected : Conditions::ignored;
}

Task<bool> BucketStore::respects_conditions(std::string key, std::string present,
                                            std::string other) {
    co_return co_await is_refused(key, "") && co_await is_refused(key, other) &&
        co_await accepts(key, present);
}

// Returns true if the store puts over the object whose tag is given, which some do only if it has
// no quotes (Ceph 16).
Task<bool> BucketStore::accepts(std::string key, std::string tag) {
    for (const bool bare_tags : {false, true}) {
        bare_tags_ = bare_tags;
        if (!co_await is_refused(key, tag)) co_return true;
    }
    co_return false;
}

// Returns false if the store ignored the condition, or does not know it.
Task<bool> BucketStore::is_refused(std::string key, std::string tag) {
    const auto answer = co_await result(
        put_on_condition(std::move(key), Buffer::copy_of("probe, again"), std::move(tag)));
    const int code = code_of(answer);
    if (code == EEXIST) co_return true;
    if (code == 0 || code == EOPNOTSUPP) co_return false;
    co_return fail(answer.error());
}

// Shared by the tasks of one remove_singly().
struct BucketStore::Removal {
    std::vector<std::string> keys;
    std::size_t next = 0;
};

Task<void> BucketStore::remove_some(Removal& removal) {
    while (removal.next < removal.keys.size()) {
        BucketRequest request{.purpose = Purpose::remove,
                              .method = "DELETE",
                              .key = std::move(removal.keys[removal.next++])};
        const auto answer = co_await result(bucket_.send(std::move(request)));
        if (code_of(answer) != ENOENT) co_await answer;
    }
}

Task<void> BucketStore::remove_singly(std::vector<std::string> keys) {
    Removal removal{std::move(keys)};
    std::vector<Task<void>> tasks;
    for (std::size_t i = 0; i < std::min(removal.keys.size(), deletes_at_once); ++i)
        tasks.push_back(remove_some(removal));
    co_await task::all(std::move(tasks));
}

}  // namespace flexfs::object
