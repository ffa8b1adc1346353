#include "lib/http/request_parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

namespace flexfs::http {
namespace {

namespace beast = boost::beast::http;

std::string text_of(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

unsigned status_of(const boost::beast::error_code& error) {
    if (error == beast::error::header_limit) return 431;
    if (error == beast::error::body_limit) return 413;
    return 400;
}

}  // namespace

struct RequestParser::State {
    beast::request_parser<beast::string_body> parser;
    bool continue_asked = false;
};

RequestParser::RequestParser(std::size_t header_bytes_max, std::uint64_t body_bytes_max)
    : header_bytes_max_(header_bytes_max), body_bytes_max_(body_bytes_max) {
    begin();
}

RequestParser::~RequestParser() = default;

void RequestParser::begin() {
    state_ = std::make_unique<State>();
    state_->parser.header_limit(std::uint32_t(header_bytes_max_));
    state_->parser.body_limit(body_bytes_max_);
    state_->parser.eager(true);
}

std::expected<bool, unsigned> RequestParser::parse(std::string& input) {
    auto& parser = state_->parser;
    while (!input.empty() && !parser.is_done()) {
        boost::beast::error_code error;
        const std::size_t used =
            parser.put(boost::asio::const_buffer(input.data(), input.size()), error);
        input.erase(0, used);
        if (error == beast::error::need_more) break;
        if (error) return std::unexpected(status_of(error));
        if (used == 0) break;
    }
    return parser.is_done();
}

bool RequestParser::has_head() const {
    return state_->parser.is_header_done();
}

bool RequestParser::awaits_continue() {
    const auto& parser = state_->parser;
    if (state_->continue_asked || !parser.is_header_done() || parser.is_done()) return false;
    state_->continue_asked = true;
    return boost::beast::iequals(parser.get()[beast::field::expect], "100-continue");
}

bool RequestParser::keeps_alive() const {
    return state_->parser.get().keep_alive();
}

ServerRequest RequestParser::take() {
    auto message = state_->parser.release();
    ServerRequest request{.method = text_of(message.method_string()),
                          .target = text_of(message.target())};
    for (const auto& field : message)
        request.headers.add(text_of(field.name_string()), text_of(field.value()));
    request.body = Buffer::take(std::move(message.body()));
    begin();
    return request;
}

std::string reason_of(unsigned status) {
    return text_of(beast::obsolete_reason(beast::int_to_status(status)));
}

}  // namespace flexfs::http
