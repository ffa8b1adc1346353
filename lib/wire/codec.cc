#include "lib/wire/codec.h"

#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::wire {

Decoder::Decoder(const Buffer& input)
    : input_(input),
      at_(input.data()),
      end_(input.data() + input.size()),
      budget_(input.size() * decode_factor) {}

bool Decoder::wrong(const char* what, std::uint64_t number) {
    if (error_.empty()) {
        error_ = fmt::format("malformed message: at byte {} {} ({}), with {} bytes left",
                             at_ - input_.data(), what, number, end_ - at_);
    }
    return false;
}

bool Decoder::get_length(std::size_t& length, const char* what) {
    std::uint32_t said = 0;
    if (!get(said) || !need(said, what)) return false;
    length = said;
    return true;
}

bool Decoder::charge(std::size_t bytes) {
    if (bytes > budget_) return wrong("lists that are too large for the message", bytes);
    budget_ -= bytes;
    return true;
}

bool Decoder::get(bool& value) {
    std::uint8_t byte = 0;
    if (!get(byte)) return false;
    if (byte > 1) return wrong("a truth value other than 0 and 1", byte);
    value = byte == 1;
    return true;
}

bool Decoder::get(std::string& text) {
    std::size_t length = 0;
    if (!get_length(length, "a string") || !charge(length)) return false;
    text.assign(reinterpret_cast<const char*>(at_), length);
    at_ += length;
    return true;
}

bool Decoder::get(Buffer& bytes) {
    std::size_t length = 0;
    if (!get_length(length, "a byte string")) return false;
    bytes = input_.slice(std::size_t(at_ - input_.data()), length);
    at_ += length;
    return true;
}

bool Decoder::finish() {
    return at_end() || wrong("bytes after the end of the message", std::uint64_t(end_ - at_));
}

}  // namespace flexfs::wire
