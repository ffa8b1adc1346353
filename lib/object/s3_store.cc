#include "lib/object/s3_store.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/http_text.h"
#include "lib/object/listing.h"
#include "lib/object/s3_messages.h"

namespace flexfs::object {
namespace {

constexpr std::size_t keys_at_once = 1000;  // the limit of the API, for lists and deletes
// An object of a list has at most 1,024 bytes of key, each of them as %XX, and some 300 others. An
// entry of a report of failed deletes is shorter.
constexpr std::uint64_t answer_bytes_max = keys_at_once * 4096;

}  // namespace

S3Store::S3Store(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
                 std::unique_ptr<Dialect> dialect, S3Options options)
    : BucketStore(loop, client, std::move(signer), std::move(dialect), std::move(options.prefix),
                  std::move(options.throttled)),
      // Google's XML API has no other way.
      removes_singly_(options.provider == S3Options::Provider::google) {}

Result<std::unique_ptr<Store>> S3Store::open(Loop& loop, http::Client& client,
                                             std::unique_ptr<cloud::Signer> signer,
                                             S3Options options) {
    TRY(auto dialect, S3Dialect::make(options));
    return std::unique_ptr<Store>(
        new S3Store(loop, client, std::move(signer), std::move(dialect), std::move(options)));
}

Task<void> S3Store::remove(std::vector<std::string> keys) {
    for (std::string& key : keys) {
        co_await check_key(key);
        key.insert(0, root());
    }
    counters_.deletes += keys.size();
    const auto single = std::ranges::partition(keys, fits_xml);
    std::vector<std::string> alone(single.begin(), single.end());
    keys.erase(single.begin(), single.end());
    for (std::size_t begin = 0; begin < keys.size(); begin += keys_at_once) {
        const auto first = keys.begin() + std::ptrdiff_t(begin);
        const auto count = std::min(keys_at_once, keys.size() - begin);
        std::vector<std::string> some(first, first + std::ptrdiff_t(count));
        if (!removes_singly_ && some.size() > 1) {
            const auto removed = co_await result(remove_together(some));
            if (code_of(removed) == EOPNOTSUPP) removes_singly_ = true;
            else {
                co_await removed;
                continue;
            }
        }
        co_await remove_singly(std::move(some));
    }
    co_await remove_singly(std::move(alone));
}

Task<void> S3Store::remove_together(std::vector<std::string> keys) {
    BucketRequest request{.purpose = Purpose::remove,
                          .method = "POST",
                          .query = "delete=",
                          .headers = {{"Content-Type", "application/xml"}},
                          .body = {Buffer::take(s3_delete_body(keys))},
                          .digest = true,
                          .response_bytes_max = answer_bytes_max};
    const http::Response response = co_await bucket_.send(std::move(request));
    const auto failed = parse_s3_delete(response.body.text());
    if (!failed) co_await fail(bucket_.wrong_answer(failed.error()));
    if (failed->empty()) co_return;
    Error first = bucket_.error_of(failed->front(), Purpose::remove);
    if (failed->size() > 1)
        first.context += fmt::format("; {} more of {} objects could not be deleted either",
                                     failed->size() - 1, keys.size());
    co_await fail(std::move(first));
}

Task<Page> S3Store::list(std::string prefix, std::string after, std::size_t limit) {
    Listing listing(root(), prefix, after, limit);
    std::string token;
    for (;;) {
        ++counters_.lists;
        std::string query =
            fmt::format("encoding-type=url&list-type=2&max-keys={}&prefix={}",
                        std::min(listing.wanted(), keys_at_once), escaped_query(root() + prefix));
        if (!token.empty()) query += "&continuation-token=" + escaped_query(token);
        else if (!after.empty()) query += "&start-after=" + escaped_query(root() + after);
        BucketRequest request{.purpose = Purpose::list,
                              .query = std::move(query),
                              .response_bytes_max = answer_bytes_max};
        const http::Response response = co_await bucket_.send(std::move(request));
        auto page = parse_s3_list(response.body.text());
        if (!page) co_await fail(bucket_.wrong_answer(page.error()));
        const auto fits = listing.add(std::move(page->objects));
        if (!fits) co_await fail(bucket_.wrong_answer(fits.error()));
        if (!*fits) co_return std::move(listing).take(true);
        if (!token.empty() && page->next == token)
            co_await fail(bucket_.strange_answer("its list does not end"));
        token = std::move(page->next);
        if (token.empty() || listing.wanted() == 0)
            co_return std::move(listing).take(!token.empty());
    }
}

}  // namespace flexfs::object
