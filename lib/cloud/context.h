// The surroundings of a signer: clients, the provider's clock, and the environment. A test
// replaces them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/time.h"
#include "lib/http/client.h"
#include "lib/loop/loop.h"

namespace flexfs::cloud {

using Clock = std::function<Time()>;
// Returns the value of an environment variable; empty if it is not set.
using Variables = std::function<std::string(const std::string& name)>;

std::string variable_of_process(const std::string& name);
// Returns the user's home directory.
std::string home_of(const Variables& variables);

class Context {
public:
    // `client` must outlive the context.
    Context(Loop& loop, http::Client& client, Clock clock, Variables variables);
    ~Context();  // after close()
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    Loop& loop() { return loop_; }
    // For services in the network, with the user's proxies and certificates.
    http::Client& client() { return client_; }
    // For services that belong to this machine: without proxies, and patient for 2 s at most.
    http::Client& local_client();

    // The provider's clock, as far as it is known.
    Time now() const { return clock_() + offset_; }
    void set_clock(Time provider_now) { offset_ = provider_now - clock_(); }

    std::string variable(const std::string& name) const { return variables_(name); }
    const Variables& variables() const { return variables_; }

    Task<void> close();

private:
    Loop& loop_;
    http::Client& client_;
    Clock clock_;
    Variables variables_;
    Time offset_ = 0;
    std::unique_ptr<http::Client> local_;
};

}  // namespace flexfs::cloud
