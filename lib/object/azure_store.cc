#include "lib/object/azure_store.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/uuid.h"
#include "lib/object/azure_messages.h"
#include "lib/object/http_text.h"
#include "lib/object/listing.h"

namespace flexfs::object {
namespace {

// The service would return 5,000, but their XML takes 40 MB of memory.
constexpr std::size_t objects_at_once = 1000;
constexpr std::size_t deletes_at_once = 256;
// An object of a list has up to 1,024 bytes of key and some 1,000 of properties.
constexpr std::uint64_t answer_bytes_max = 8 << 20;

}  // namespace

AzureStore::AzureStore(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
                       std::unique_ptr<Dialect> dialect, AzureOptions options)
    : BucketStore(loop, client, std::move(signer), std::move(dialect), std::move(options.prefix),
                  std::move(options.throttled)) {}

Result<std::unique_ptr<Store>> AzureStore::open(Loop& loop, http::Client& client,
                                                std::unique_ptr<cloud::Signer> signer,
                                                AzureOptions options) {
    TRY(auto dialect, AzureDialect::make(options));
    return std::unique_ptr<Store>(
        new AzureStore(loop, client, std::move(signer), std::move(dialect), std::move(options)));
}

Task<void> AzureStore::remove(std::vector<std::string> keys) {
    for (std::string& key : keys) {
        co_await check_key(key);
        key.insert(0, root());
    }
    counters_.deletes += keys.size();
    for (std::size_t begin = 0; begin < keys.size(); begin += deletes_at_once) {
        const auto first = keys.begin() + std::ptrdiff_t(begin);
        const auto count = std::min(deletes_at_once, keys.size() - begin);
        std::vector<std::string> some(first, first + std::ptrdiff_t(count));
        if (!removes_singly_ && some.size() > 1) {
            const auto removed = co_await result(remove_together(some));
            removes_singly_ = code_of(removed) == EOPNOTSUPP;
            if (!removes_singly_) {
                co_await removed;
                continue;
            }
        }
        co_await remove_singly(std::move(some));
    }
}

Task<http::Response> AzureStore::send_batch(const std::vector<std::string>& keys) {
    std::vector<http::Request> parts;
    for (const std::string& key : keys) {
        http::Request part{.method = "DELETE", .url = bucket_.dialect().url(key, "")};
        co_await bucket_.sign(part);
        parts.push_back(std::move(part));
    }
    const std::string boundary = "batch_" + make_uuid();
    BucketRequest request{.purpose = Purpose::remove,
                          .method = "POST",
                          .query = "comp=batch&restype=container",
                          .headers = {{"Content-Type", "multipart/mixed; boundary=" + boundary}},
                          .body = {Buffer::take(azure_batch_body(parts, boundary))}};
    co_return co_await bucket_.send(std::move(request));
}

Task<void> AzureStore::remove_together(std::vector<std::string> keys) {
    const auto response = co_await result(send_batch(keys));
    if (code_of(response) == EINVAL) co_await fail(EOPNOTSUPP);
    const auto statuses = parse_azure_batch(co_await response, keys.size());
    if (!statuses) co_await fail(bucket_.wrong_answer(statuses.error()));
    // A refused key is asked for again by itself, which repairs what can be repaired, and explains
    // the rest.
    std::vector<std::string> refused;
    for (std::size_t i = 0; i < keys.size(); ++i)
        if ((*statuses)[i] / 100 != 2 && (*statuses)[i] != 404)
            refused.push_back(std::move(keys[i]));
    co_await remove_singly(std::move(refused));
}

void AzureStore::remember(Mark mark) {
    std::erase_if(marks_, [&](const Mark& old) {
        return old.prefix == mark.prefix && old.last == mark.last;
    });
    if (marks_.size() == marks_max) marks_.pop_front();
    marks_.push_back(std::move(mark));
}

std::string AzureStore::marker_after(const std::string& prefix, const std::string& last) const {
    const auto at = std::ranges::find_if(
        marks_, [&](const Mark& mark) { return mark.prefix == prefix && mark.last == last; });
    return at == marks_.end() ? "" : at->marker;
}

Task<Page> AzureStore::list(std::string prefix, std::string after, std::size_t limit) {
    Listing listing(root(), prefix, after, limit);
    std::string marker = after.empty() ? "" : marker_after(prefix, after);
    const bool from_mark = !marker.empty();
    for (;;) {
        ++counters_.lists;
        const bool skipping = !after.empty() && !from_mark && listing.last().empty();
        std::string query =
            fmt::format("comp=list&maxresults={}&prefix={}&restype=container",
                        skipping ? objects_at_once : std::min(listing.wanted(), objects_at_once),
                        escaped_query(root() + prefix));
        if (!marker.empty()) query += "&marker=" + escaped_query(marker);
        BucketRequest request{.purpose = Purpose::list,
                              .query = std::move(query),
                              .response_bytes_max = answer_bytes_max};
        const http::Response response = co_await bucket_.send(std::move(request));
        auto page = parse_azure_list(response.body.text());
        if (!page) co_await fail(bucket_.wrong_answer(page.error()));
        const auto fits = listing.add(std::move(page->objects));
        if (!fits) co_await fail(bucket_.wrong_answer(fits.error()));
        if (!*fits) {
            remember({prefix, listing.last(), std::move(marker)});
            co_return std::move(listing).take(true);
        }
        if (!page->next.empty() && page->next == marker)
            co_await fail(bucket_.strange_answer("its list does not end"));
        marker = std::move(page->next);
        if (marker.empty()) co_return std::move(listing).take(false);
        if (listing.wanted() == 0) {
            remember({prefix, listing.last(), std::move(marker)});
            co_return std::move(listing).take(true);
        }
    }
}

}  // namespace flexfs::object
