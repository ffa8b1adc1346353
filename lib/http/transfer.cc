#include "lib/http/transfer.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/http/trouble.h"

namespace flexfs::http {
namespace {

constexpr std::size_t header_bytes_max = 256 << 10;
// The first allocation for a body of unknown length.
constexpr std::size_t first_room = 64 << 10;
// libcurl moves bodies through a buffer of its own. A large one saves system calls; a small body
// does not need it. libcurl allows no less and no more than this.
constexpr std::uint64_t buffer_bytes_min = 16 << 10;
constexpr std::uint64_t buffer_bytes_max = 512 << 10;

template <class T>
void set(CURL* curl, CURLoption option, T value) {
    check(curl_easy_setopt(curl, option, value) == CURLE_OK);
}

template <class T>
T info(CURL* curl, CURLINFO which) {
    T value{};
    curl_easy_getinfo(curl, which, &value);
    return value;
}

long buffer_bytes(std::uint64_t wanted) {
    return long(std::clamp(wanted, buffer_bytes_min, buffer_bytes_max));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

}  // namespace

Transfer::Transfer(Request request, std::string host, const ClientOptions& options,
                   Client::Counters& counters, CURLSH* share)
    : request_(std::move(request)),
      host_(std::move(host)),
      options_(options),
      counters_(counters),
      handle_(curl_easy_init()),
      body_bytes_(total_bytes(request_.body)) {
    check(handle_ != nullptr);
    set_general_options(options, share);
    set_method();
    set_headers();
}

Transfer* Transfer::of(CURL* handle) {
    return reinterpret_cast<Transfer*>(info<char*>(handle, CURLINFO_PRIVATE));
}

void Transfer::set_general_options(const ClientOptions& options, CURLSH* share) {
    CURL* curl = handle();
    set(curl, CURLOPT_PRIVATE, this);
    set(curl, CURLOPT_ERRORBUFFER, detail_);
    set(curl, CURLOPT_SHARE, share);
    set(curl, CURLOPT_NOSIGNAL, 1L);
    // Otherwise the end of a request whose name is being resolved would wait for the resolver.
    set(curl, CURLOPT_QUICK_EXIT, 1L);
    set(curl, CURLOPT_URL, request_.url.c_str());
    set(curl, CURLOPT_PATH_AS_IS, 1L);  // an object's name may contain "/../"
    set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (options.direct) set(curl, CURLOPT_PROXY, "");
    set(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    // Not HTTP/2. Stores limit the rate of a connection, and a lost packet stops all that share
    // one, so each request has a connection to itself, and HTTP/2 would only add frames and
    // windows. libcurl 7.88 uploads over it at 1 MB/s on the loopback, and at 30 over HTTP/1.1.
    set(curl, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
    set(curl, CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
    if (!options.ca_cert.empty()) set(curl, CURLOPT_CAINFO, options.ca_cert.c_str());
    // libcurl keeps the parsed certificates only if they come from one file; to parse them takes
    // longer than the handshake.
    if (!options.ca_cert.empty() || curl_version_info(CURLVERSION_NOW)->cainfo)
        set(curl, CURLOPT_CAPATH, static_cast<char*>(nullptr));

    using std::chrono::duration_cast, std::chrono::milliseconds;
    const auto connect = duration_cast<milliseconds>(options.timeouts.connect).count();
    set(curl, CURLOPT_CONNECTTIMEOUT_MS, long(std::max<std::int64_t>(connect, 1)));
    set(curl, CURLOPT_TCP_NODELAY, 1L);
    set(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    set(curl, CURLOPT_TCP_KEEPIDLE, 30L);
    set(curl, CURLOPT_TCP_KEEPINTVL, 10L);
    set(curl, CURLOPT_BUFFERSIZE, buffer_bytes(request_.response_bytes_max));
    set(curl, CURLOPT_UPLOAD_BUFFERSIZE, buffer_bytes(body_bytes_));

    set(curl, CURLOPT_PREREQFUNCTION, &on_connected);
    set(curl, CURLOPT_PREREQDATA, this);
    set(curl, CURLOPT_HEADERFUNCTION, &on_header);
    set(curl, CURLOPT_HEADERDATA, this);
    set(curl, CURLOPT_WRITEFUNCTION, &on_body);
    set(curl, CURLOPT_WRITEDATA, this);
}

void Transfer::set_method() {
    CURL* curl = handle();
    const bool post = request_.method == "POST";
    if (request_.method == "HEAD") return set(curl, CURLOPT_NOBODY, 1L);
    if (request_.method == "DELETE") set(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    if (!post && request_.method != "PUT") {
        body_bytes_ = 0;
        return set(curl, CURLOPT_HTTPGET, 1L);
    }
    set(curl, post ? CURLOPT_POST : CURLOPT_UPLOAD, 1L);
    set(curl, post ? CURLOPT_POSTFIELDSIZE_LARGE : CURLOPT_INFILESIZE_LARGE,
        curl_off_t(body_bytes_));
    set(curl, CURLOPT_READFUNCTION, &on_room);
    set(curl, CURLOPT_READDATA, this);
    set(curl, CURLOPT_SEEKFUNCTION, &on_rewind);
    set(curl, CURLOPT_SEEKDATA, this);
}

void Transfer::set_headers() {
    const auto append = [this](const std::string& line) {
        curl_slist* longer = curl_slist_append(header_lines_.get(), line.c_str());
        check(longer != nullptr);
        static_cast<void>(header_lines_.release());
        header_lines_.reset(longer);
    };
    for (const Header& header : request_.headers) {
        const bool is_empty = trimmed(header.value).empty();
        append(is_empty ? header.name + ";" : header.name + ": " + header.value);
    }
    // A name without a value removes the header that libcurl would send by itself. It would wait
    // for "100 Continue" before a large body, and call the body of a POST a form.
    append("Expect:");
    if (!request_.headers.find("Content-Type")) append("Content-Type:");
    set(handle(), CURLOPT_HTTPHEADER, header_lines_.get());
}

void Transfer::enter(Phase phase) {
    phase_ = phase;
    moved_ = monotonic_now();
}

// Also called when libcurl sends the request again, because a kept connection had ended.
int Transfer::on_connected(void* self, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(self);
    const long connections = info<long>(transfer.handle(), CURLINFO_NUM_CONNECTS);
    transfer.counters_.connections += std::uint64_t(connections - transfer.connections_);
    transfer.connections_ = connections;
    transfer.sent_ = 0;
    transfer.enter(transfer.body_bytes_ > 0 ? Phase::sending : Phase::awaiting);
    return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_room(char* into, std::size_t, std::size_t bytes, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto& pieces = transfer.request_.body;
    std::size_t done = 0;
    while (done < bytes && transfer.piece_ < pieces.size()) {
        const Buffer& piece = pieces[transfer.piece_];
        const std::size_t now = std::min(bytes - done, piece.size() - transfer.offset_);
        if (now > 0) std::memcpy(into + done, piece.data() + transfer.offset_, now);
        done += now;
        transfer.offset_ += now;
        if (transfer.offset_ < piece.size()) break;
        ++transfer.piece_;
        transfer.offset_ = 0;
    }
    return done;
}

int Transfer::on_rewind(void* self, curl_off_t offset, int) {
    if (offset != 0) return CURL_SEEKFUNC_FAIL;
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.piece_ = 0;
    transfer.offset_ = 0;
    return CURL_SEEKFUNC_OK;
}

std::size_t Transfer::on_header(char* line, std::size_t, std::size_t bytes, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    auto added = transfer.add_header({line, bytes});
    if (added) return bytes;
    transfer.failure_ = std::move(added.error());
    return 0;
}

std::size_t Transfer::on_body(char* bytes, std::size_t, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    auto added = transfer.add_body(as_bytes({bytes, count}));
    if (added) return count;
    transfer.failure_ = std::move(added.error());
    return 0;
}

Result<void> Transfer::add_header(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > header_bytes_max)
        return explain(EPROTO, fmt::format("{} sent more than {} of headers", host_,
                                           format_size(header_bytes_max)));
    // Trailers of a chunked body are not headers.
    if (phase_ == Phase::body) return {};
    // The head as a whole has the time of a stall, so that a peer cannot send it for ever.
    if (phase_ != Phase::head) enter(Phase::head);
    const std::string_view text = trimmed(line);
    if (line.starts_with("HTTP/")) {
        response_ = {};  // what came before was informational
        return {};
    }
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos)
        response_.headers.add(std::string(text.substr(0, colon)),
                              std::string(trimmed(text.substr(colon + 1))));
    if (!text.empty()) return {};

    const long status = info<long>(handle(), CURLINFO_RESPONSE_CODE);
    if (status < 200) {
        enter(sent_ < body_bytes_ ? Phase::sending : Phase::awaiting);
        return {};
    }
    enter(Phase::body);
    const bool has_body = request_.method != "HEAD" && status != 204 && status != 304;
    if (has_body && announced() > request_.response_bytes_max) return fail(too_long());
    return {};
}

// Returns the length of the response's body, if it is known.
std::optional<std::uint64_t> Transfer::announced() const {
    const auto bytes = info<curl_off_t>(handle(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
    return bytes < 0 ? std::nullopt : std::optional(std::uint64_t(bytes));
}

Error Transfer::too_long() const {
    return explain(EFBIG, fmt::format("{} sent a response of more than {}", host_,
                                      format_size(request_.response_bytes_max)))
        .error();
}

Result<void> Transfer::add_body(ByteView bytes) {
    moved_ = monotonic_now();
    if (bytes.size() > request_.response_bytes_max - received_) return fail(too_long());
    TRY(make_room(bytes.size()));
    std::memcpy(body_->data() + received_, bytes.data(), bytes.size());
    received_ += bytes.size();
    return {};
}

// Makes body_ large enough for `bytes` more: once if the length is known, else by doubling.
Result<void> Transfer::make_room(std::size_t bytes) {
    const std::size_t needed = received_ + bytes;
    if (body_ && body_->size() >= needed) return {};
    const auto known = announced();
    std::size_t room = std::max({needed, first_room, body_ ? 2 * body_->size() : 0});
    if (!body_ && known) room = std::max<std::size_t>(needed, *known);
    WritableBuffer larger(std::min<std::size_t>(room, request_.response_bytes_max));
    if (received_ > 0) std::memcpy(larger.data(), body_->data(), received_);
    body_ = std::move(larger);
    return {};
}

// libcurl does not report when it has passed bytes to the kernel, nor the kernel when they were
// acknowledged. So both are looked up now and then.
void Transfer::note_sent() {
    const auto sent = std::uint64_t(info<curl_off_t>(handle(), CURLINFO_SIZE_UPLOAD_T));
    int unacknowledged = 0;
    if (socket_ != CURL_SOCKET_BAD) ::ioctl(socket_, SIOCOUTQ, &unacknowledged);
    if (sent != sent_ || unacknowledged != unacknowledged_) moved_ = monotonic_now();
    sent_ = sent;
    unacknowledged_ = unacknowledged;
    if (phase_ == Phase::sending && sent >= body_bytes_) enter(Phase::awaiting);
}

std::optional<Error> Transfer::overdue() {
    if (phase_ == Phase::connecting) return std::nullopt;
    if (phase_ == Phase::sending || phase_ == Phase::awaiting) note_sent();
    const Timeouts& limits = options_.timeouts;
    const Duration limit = phase_ == Phase::awaiting ? limits.first_byte : limits.stall;
    if (monotonic_now() - moved_ < limit) return std::nullopt;
    switch (phase_) {
        case Phase::sending: return too_slow(fmt::format("{} received no more data", host_), limit);
        case Phase::awaiting: return too_slow(fmt::format("{} did not answer", host_), limit);
        case Phase::head:
            return too_slow(fmt::format("{} did not end the head of a response", host_), limit);
        default:
            return too_slow(fmt::format("{} did not continue the body of a response", host_),
                            limit);
    }
}

void Transfer::end(CURLcode code) {
    if (failure_) return end(std::move(*failure_));
    // libcurl considers a response complete whose head was cut short.
    if (code == CURLE_OK && phase_ != Phase::body) code = CURLE_PARTIAL_FILE;
    if (code != CURLE_OK) return end(trouble_of(handle(), code, detail_, host_, options_));
    response_.status = unsigned(info<long>(handle(), CURLINFO_RESPONSE_CODE));
    if (body_) response_.body = std::move(*body_).freeze(received_);
    outcome_ = std::move(response_);
    waiting_.wake_all();
}

void Transfer::end(Error error) {
    outcome_ = fail(std::move(error));
    waiting_.wake_all();
}

}  // namespace flexfs::http
