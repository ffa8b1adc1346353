// Messages as bytes. Everything is little endian and of fixed width, so that sizes are known before
// a byte is written and a message is encoded into one allocation:
//
//     bool            u8, 0 or 1
//     integer, enum   its own width (1, 2, 4 or 8 bytes)
//     string, Buffer  u32 length, the bytes
//     vector          u32 count, the elements
//     struct          u32 length, then its fields in order
//     variant         u8 index, the alternative
//     Result          i32 errno, then if it is 0 the value, else the context as a string
//
// If a struct ends before its last field, the rest keep their defaults, and bytes after the last
// known field are skipped, so that fields can be appended. Alternatives of a variant are only
// appended.
//
// Decoding trusts nothing; errors are EPROTO with a sentence. A decoded Buffer shares the input's
// memory. Other memory is at most decode_factor times the size of the input, whatever it contains.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::wire {

inline constexpr std::size_t decode_factor = 16;

template <class T>
concept Struct = requires(T& value) { value.fields(); };
template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Enum = std::is_enum_v<T>;
template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, Buffer>;

constexpr std::size_t encoded_size(bool) {
    return 1;
}
template <class T>
    requires Number<T> || Enum<T>
constexpr std::size_t encoded_size(T) {
    return sizeof(T);
}
template <Text T>
std::size_t encoded_size(const T& text) {
    return 4 + text.size();
}
template <class T>
std::size_t encoded_size(const std::vector<T>& items);
template <class... T>
std::size_t encoded_size(const std::variant<T...>& value);
template <class T>
std::size_t encoded_size(const Result<T>& outcome);

template <Struct T>
std::size_t encoded_size(const T& message) {
    const auto sum = [](const auto&... field) {
        return (std::size_t{4} + ... + encoded_size(field));
    };
    return std::apply(sum, message.fields());
}
template <class T>
std::size_t encoded_size(const std::vector<T>& items) {
    if constexpr (Number<T> || Enum<T>) return 4 + items.size() * sizeof(T);
    std::size_t size = 4;
    for (const auto& item : items) size += encoded_size(item);
    return size;
}
template <class... T>
std::size_t encoded_size(const std::variant<T...>& value) {
    return 1 + std::visit([](const auto& held) { return encoded_size(held); }, value);
}
template <class T>
std::size_t encoded_size(const Result<T>& outcome) {
    return 4 + (outcome ? encoded_size(*outcome) : encoded_size(outcome.error().context));
}

// Writes into memory that the caller knows to be large enough.
class Encoder {
public:
    explicit Encoder(std::byte* at) : at_(at) {}
    std::byte* end() const { return at_; }

    void put(bool value) { put(std::uint8_t(value)); }
    template <class T>
        requires Number<T> || Enum<T>
    void put(T value) {
        store_le(at_, value);
        at_ += sizeof value;
    }
    template <Text T>
    void put(const T& text) {
        put(std::uint32_t(text.size()));
        if (!text.empty()) std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    template <class T>
    void put(const std::vector<T>& items) {
        put(std::uint32_t(items.size()));
        for (const auto& item : items) put(item);
    }
    template <Struct T>
    void put(const T& message) {
        std::byte* const length = at_;
        at_ += 4;
        std::apply([this](const auto&... field) { (this->put(field), ...); }, message.fields());
        store_le(length, std::uint32_t(at_ - length - 4));
    }
    template <class... T>
    void put(const std::variant<T...>& value) {
        put(std::uint8_t(value.index()));
        std::visit([this](const auto& held) { this->put(held); }, value);
    }
    template <class T>
    void put(const Result<T>& outcome) {
        put(std::int32_t(code_of(outcome)));
        if (outcome) put(*outcome);
        else put(outcome.error().context);
    }

private:
    std::byte* at_;
};

template <class T>
Buffer encode(const T& message) {
    WritableBuffer memory(encoded_size(message));
    Encoder(memory.data()).put(message);
    return std::move(memory).freeze();
}

class Decoder {
public:
    explicit Decoder(const Buffer& input);

    // Each get() reads the next value. After an error all of them return false, and error()
    // describes it.
    bool get(bool& value);
    bool get(std::string& text);
    bool get(Buffer& bytes);
    template <Number T>
    bool get(T& value) {
        if (!need(sizeof value, "a number")) return false;
        value = load_le<T>(at_);
        at_ += sizeof value;
        return true;
    }
    template <Enum T>
    bool get(T& value) {
        std::underlying_type_t<T> number{};
        if (!get(number)) return false;
        if (number > std::to_underlying(enum_last<T>) || std::cmp_less(number, 0))
            return wrong("a value that no enumerator has", std::uint64_t(number));
        value = T(number);
        return true;
    }
    template <class T>
    bool get(std::vector<T>& items);
    template <Struct T>
    bool get(T& message);
    template <class... T>
    bool get(std::variant<T...>& value);
    template <class T>
    bool get(Result<T>& outcome);

    bool at_end() const { return at_ == end_; }
    // Fails if input is left over.
    bool finish();
    Error error() const { return {EPROTO, error_}; }

private:
    bool need(std::size_t size, const char* what) {
        if (size <= std::size_t(end_ - at_)) return true;
        return wrong(what, size);
    }
    // "malformed message: at byte 7 WHAT (NUMBER), with 3 bytes left"
    bool wrong(const char* what, std::uint64_t number);
    bool get_length(std::size_t& length, const char* what);
    bool charge(std::size_t bytes);

    const Buffer& input_;
    const std::byte* at_;
    const std::byte* end_;  // the end of the innermost struct
    std::size_t budget_;    // bytes that may still be allocated
    std::string error_;
};

template <class T>
bool Decoder::get(std::vector<T>& items) {
    std::uint32_t count = 0;
    if (!get(count)) return false;
    // Every element takes at least one byte, so a huge count fails before anything is allocated.
    if (!need(count, "a list longer than the message") || !charge(count * sizeof(T))) return false;
    items.resize(count);
    for (T& item : items)
        if (!get(item)) return false;
    return true;
}

template <Struct T>
bool Decoder::get(T& message) {
    std::size_t length = 0;
    if (!get_length(length, "a struct")) return false;
    const std::byte* const outer = std::exchange(end_, at_ + length);
    const auto each = [this](auto&... field) {
        return ((this->at_end() || this->get(field)) && ...);
    };
    if (!std::apply(each, message.fields())) return false;
    at_ = std::exchange(end_, outer);
    return true;
}

template <class... T>
bool Decoder::get(std::variant<T...>& value) {
    std::uint8_t index = 0;
    if (!get(index)) return false;
    if (index >= sizeof...(T)) return wrong("an alternative that does not exist", index);
    std::uint8_t nth = 0;
    return ((nth++ != index || get(value.template emplace<T>())) && ...);
}

template <class T>
bool Decoder::get(Result<T>& outcome) {
    std::int32_t code = 0;
    if (!get(code)) return false;
    if (code == 0) return get(outcome.emplace());
    if (code < 0 || code > 4095) return wrong("an errno that does not exist", std::uint32_t(code));
    Error error{code, {}};
    if (!get(error.context)) return false;
    outcome = std::unexpected(std::move(error));
    return true;
}

// Decodes the whole input as one message.
template <class T>
Result<T> decode(const Buffer& input) {
    Decoder decoder(input);
    T message{};
    if (!decoder.get(message) || !decoder.finish()) return std::unexpected(decoder.error());
    return message;
}

}  // namespace flexfs::wire
