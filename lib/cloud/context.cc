#include "lib/cloud/context.h"

#include <cstdlib>

#include "lib/base/home.h"

namespace flexfs::cloud {

std::string variable_of_process(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? value : "";
}

std::string home_of(const Variables& variables) {
    const std::string home = variables("HOME");
    return home.empty() ? home_folder() : home;
}

Context::Context(Loop& loop, http::Client& client, Clock clock, Variables variables)
    : loop_(loop), client_(client), clock_(std::move(clock)), variables_(std::move(variables)) {}

Context::~Context() = default;

http::Client& Context::local_client() {
    using std::chrono::seconds;
    if (!local_)
        local_ = std::make_unique<http::Client>(
            loop_, http::ClientOptions{
                       .direct = true,
                       .timeouts = {
                           .connect = seconds(1), .first_byte = seconds(2), .stall = seconds(2)}});
    return *local_;
}

Task<void> Context::close() {
    if (local_) co_await local_->close();
}

}  // namespace flexfs::cloud
