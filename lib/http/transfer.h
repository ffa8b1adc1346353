// One request inside libcurl: its options, its bodies, and the phase that it is in.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

#include "lib/http/client.h"
#include "lib/task/wait.h"

namespace flexfs::http {

class Transfer {
public:
    // `host` is target_of() the request. `options` and `counters` must outlive the transfer;
    // `share` has the TLS sessions that new connections may continue.
    Transfer(Request request, std::string host, const ClientOptions& options,
             Client::Counters& counters, CURLSH* share);
    // libcurl must not use the handle then.
    ~Transfer() = default;
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    CURL* handle() const { return handle_.get(); }
    // Returns null for a handle that libcurl made for its own use.
    static Transfer* of(CURL* handle);
    // Notes the socket that libcurl watches for the transfer, or CURL_SOCKET_BAD.
    void note_socket(curl_socket_t socket) { socket_ = socket; }

    // Returns an error if the phase that the transfer is in has taken too long. The connect phase
    // is measured by libcurl.
    std::optional<Error> overdue();

    // Ends the transfer with what libcurl made of it, or with an error, and wakes the waiting task.
    void end(CURLcode code);
    void end(Error error);
    bool ended() const { return outcome_.has_value(); }
    task::WaitList::Wait wait_for_end() { return waiting_.wait(); }
    Result<Response> take() { return std::move(*outcome_); }

private:
    enum class Phase {
        connecting,
        sending,
        awaiting,  // everything was sent
        head,      // the first line of the response has arrived
        body,
    };
    struct Deleter {
        void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
        void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    };

    static int on_connected(void* self, char*, char*, int, int);
    static std::size_t on_room(char* into, std::size_t, std::size_t bytes, void* self);
    static int on_rewind(void* self, curl_off_t offset, int);
    static std::size_t on_header(char* line, std::size_t, std::size_t bytes, void* self);
    static std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* self);

    void set_general_options(const ClientOptions& options, CURLSH* share);
    void set_method();
    void set_headers();
    void enter(Phase phase);
    void note_sent();
    Result<void> add_header(std::string_view line);
    Result<void> add_body(ByteView bytes);
    Result<void> make_room(std::size_t bytes);
    std::optional<std::uint64_t> announced() const;
    Error too_long() const;

    Request request_;
    const std::string host_;
    const ClientOptions& options_;
    Client::Counters& counters_;
    std::unique_ptr<CURL, Deleter> handle_;
    std::unique_ptr<curl_slist, Deleter> header_lines_;
    char detail_[CURL_ERROR_SIZE] = {};

    Phase phase_ = Phase::connecting;
    Duration moved_{};  // when bytes last moved, or the phase began
    long connections_ = 0;
    std::uint64_t body_bytes_ = 0;  // of the request
    std::uint64_t sent_ = 0;        // of them, to the kernel
    curl_socket_t socket_ = CURL_SOCKET_BAD;
    int unacknowledged_ = 0;  // bytes that the kernel has not sent, or the peer not received
    std::size_t piece_ = 0;   // the position in the request's body
    std::size_t offset_ = 0;

    Response response_;
    std::size_t header_bytes_ = 0;
    std::optional<WritableBuffer> body_;
    std::size_t received_ = 0;  // bytes of body_ that are filled

    std::optional<Error> failure_;  // why a callback ended the transfer
    std::optional<Result<Response>> outcome_;
    task::WaitList waiting_;
};

}  // namespace flexfs::http
