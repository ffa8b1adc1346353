#include "lib/http/client.h"

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "lib/base/check.h"
#include "lib/http/target.h"
#include "lib/http/transfer.h"
#include "lib/loop/descriptor_watch.h"
#include "lib/loop/pool.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::http {
namespace {

template <class T>
void set(CURLM* multi, CURLMoption option, T value) {
    check(curl_multi_setopt(multi, option, value) == CURLM_OK);
}

// An idle client wakes this often, for nothing.
constexpr Duration longest_pause = std::chrono::hours(1);

void start_libcurl() {
    static std::once_flag once;
    std::call_once(once, [] {
        check(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
        ::signal(SIGPIPE, SIG_IGN);  // OpenSSL may write without MSG_NOSIGNAL
    });
}

}  // namespace

// libcurl is called by the tasks that begin or give up a request, by the watches of its sockets and
// by drive(). None of these runs inside one of libcurl's callbacks, which only take notes.
struct Client::State {
    State(Loop& on, ClientOptions of);
    ~State();
    void disconnect();

    void begin(Transfer& transfer);
    void remove(Transfer& transfer);
    void act(curl_socket_t socket, int events);
    void end_what_is_done();
    void look_for_overdue();
    Task<void> drive();
    // When drive() has something to do.
    Duration due() const { return std::min(libcurl_due, running.empty() ? never : look_due); }

    static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
    static int on_timer(CURLM*, long ms, void* self);

    static constexpr Duration never = Duration::max();

    Loop& loop;
    const ClientOptions options;
    Counters counters;
    CURLM* multi = nullptr;
    CURLSH* share = nullptr;
    task::Semaphore places;
    std::unordered_map<curl_socket_t, std::unique_ptr<loop::DescriptorWatch>> watches;
    std::unordered_set<Transfer*> running;

    Scope tasks;
    bool driven = false;
    Scope* pause = nullptr;  // that drive() is in
    Duration pause_end{};
    Duration libcurl_due = never;
    Duration look_due{};  // at the requests that run, for those that are overdue
    const Duration look_every;

    std::size_t sends = 0;
    task::WaitList sends_ended;
    bool closed = false;
};

Client::State::State(Loop& on, ClientOptions of)
    : loop(on),
      options(std::move(of)),
      places(options.connections_max),
      look_every(
          std::clamp<Duration>(std::min(options.timeouts.first_byte, options.timeouts.stall) / 8,
                               std::chrono::milliseconds(5), std::chrono::seconds(1))) {
    start_libcurl();
    multi = curl_multi_init();
    share = curl_share_init();
    check(multi != nullptr && share != nullptr);
    set(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    set(multi, CURLMOPT_SOCKETDATA, this);
    set(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    set(multi, CURLMOPT_TIMERDATA, this);
    set(multi, CURLMOPT_MAXCONNECTS, long(options.connections_max));
    check(curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
}

Client::State::~State() {
    check(running.empty() && sends == 0 && (closed || !driven));
    disconnect();
}

void Client::State::disconnect() {
    if (!multi) return;
    check(curl_multi_cleanup(std::exchange(multi, nullptr)) == CURLM_OK);
    watches.clear();
    check(curl_share_cleanup(share) == CURLSHE_OK);
}

// libcurl announces the end of its interest in a socket before it closes it.
int Client::State::on_socket(CURL* handle, curl_socket_t socket, int what, void* self, void*) {
    auto& state = *static_cast<State*>(self);
    if (Transfer* transfer = Transfer::of(handle))
        transfer->note_socket(what == CURL_POLL_REMOVE ? CURL_SOCKET_BAD : socket);
    if (what == CURL_POLL_REMOVE) {
        state.watches.erase(socket);
        return 0;
    }
    auto& watch = state.watches[socket];
    if (!watch) {
        const auto handler = [&state, socket](loop::Directions ready) {
            state.act(socket,
                      (ready.read ? CURL_CSELECT_IN : 0) | (ready.write ? CURL_CSELECT_OUT : 0));
        };
        watch = std::make_unique<loop::DescriptorWatch>(state.loop, socket, handler);
    }
    watch->want({.read = (what & CURL_POLL_IN) != 0, .write = (what & CURL_POLL_OUT) != 0});
    return 0;
}

int Client::State::on_timer(CURLM*, long ms, void* self) {
    auto& state = *static_cast<State*>(self);
    state.libcurl_due = ms < 0 ? never : monotonic_now() + std::chrono::milliseconds(ms);
    return 0;
}

void Client::State::begin(Transfer& transfer) {
    ++counters.requests;
    if (running.empty()) look_due = monotonic_now() + look_every;
    running.insert(&transfer);
    check(curl_multi_add_handle(multi, transfer.handle()) == CURLM_OK);
    act(CURL_SOCKET_TIMEOUT, 0);
}

void Client::State::remove(Transfer& transfer) {
    if (running.erase(&transfer) == 0) return;
    check(curl_multi_remove_handle(multi, transfer.handle()) == CURLM_OK);
}

void Client::State::act(curl_socket_t socket, int events) {
    if (socket == CURL_SOCKET_TIMEOUT) libcurl_due = never;  // libcurl says when it wants the next
    {
        const loop::SignalsBlocked blocked;  // libcurl may start a thread that resolves a name
        int count = 0;
        check(curl_multi_socket_action(multi, socket, events, &count) == CURLM_OK);
    }
    end_what_is_done();
    if (pause && due() < pause_end) pause->cancel();
}

void Client::State::end_what_is_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        Transfer* transfer = Transfer::of(message->easy_handle);
        check(transfer != nullptr);
        transfer->end(message->data.result);
        remove(*transfer);
    }
}

void Client::State::look_for_overdue() {
    look_due = monotonic_now() + look_every;
    std::vector<Transfer*> overdue;
    for (Transfer* transfer : running) {
        auto error = transfer->overdue();
        if (!error) continue;
        transfer->end(std::move(*error));
        overdue.push_back(transfer);
    }
    for (Transfer* transfer : overdue) remove(*transfer);
}

Task<void> Client::State::drive() {
    for (;;) {
        Scope asleep;
        const Duration now = monotonic_now();
        pause_end = std::min(due(), now + longest_pause);
        // Never zero, so that the loop serves others even if libcurl always wants to act at once.
        asleep.start(loop.sleep(std::max(pause_end - now, Duration(1))));
        pause = &asleep;
        const auto slept = co_await result(asleep.join());
        pause = nullptr;
        co_await asleep.close();
        co_await slept;
        if (libcurl_due <= monotonic_now()) act(CURL_SOCKET_TIMEOUT, 0);
        if (!running.empty() && look_due <= monotonic_now()) look_for_overdue();
    }
}

Client::Client(Loop& loop, ClientOptions options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}

Client::~Client() = default;

Task<Response> Client::send(Request request) {
    struct Counted {
        explicit Counted(State& of) : state(of) { ++state.sends; }
        ~Counted() {
            if (--state.sends == 0) state.sends_ended.wake_all();
        }
        State& state;
    };
    State& state = *state_;
    const Counted counted(state);
    std::string host = co_await target_of(request);
    const auto place = co_await state.places.hold();
    if (state.closed) co_return fail(ECANCELED);
    if (!std::exchange(state.driven, true)) state.tasks.start(state.drive());

    Transfer transfer(std::move(request), std::move(host), state.options, state.counters,
                      state.share);
    state.begin(transfer);
    if (!transfer.ended()) {
        const auto woken = co_await result(transfer.wait_for_end());
        state.remove(transfer);  // and its connection, if the task was stopped
        co_await woken;
    }
    co_return transfer.take();
}

Task<void> Client::close() {
    State& state = *state_;
    state.closed = true;
    const std::vector<Transfer*> running(state.running.begin(), state.running.end());
    for (Transfer* transfer : running) {
        transfer->end(Error{ECANCELED, {}});
        state.remove(*transfer);
    }
    while (state.sends > 0) co_await state.sends_ended.wait_shielded();
    co_await state.tasks.close();
    state.disconnect();
}

Client::Counters Client::counters() const {
    return state_->counters;
}

}  // namespace flexfs::http
