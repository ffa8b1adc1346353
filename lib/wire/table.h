// The table of a protocol's messages: one row per request, one type per push. Handlers, callers and
// dispatch (lib/rpc) are derived from it.
//
//     struct Protocol {
//         static constexpr std::string_view name = …;  // must be the same at both ends
//         using Requests = Operations<Operation<…>, …>;
//         using Pushes = Messages<…>;
//     };
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace flexfs::wire {

template <std::size_t n>
struct Name {
    char text[n];
    consteval Name(const char (&literal)[n]) { std::copy_n(literal, n, text); }
    constexpr std::string_view view() const { return {text, n - 1}; }
};

// The effect of a request. One that changes a volume has a number that identifies it in records of
// the log: numbers start at 0, have no gaps, and never change.
struct Effect {
    int record = -1;

    static const Effect reads;
    // Without a number, it changes something that no log records.
    static consteval Effect changes(int record = -1) { return {record}; }
};
inline constexpr Effect Effect::reads{};

// The number of a request or push in frames.
template <class Message>
inline constexpr auto op_of = static_cast<std::uint16_t>(Message::op);

template <class R, Name title, Effect does>
struct Operation {
    using Request = R;
    static constexpr std::string_view name = title.view();
    static constexpr Effect effect = does;
};

template <class... Rows>
struct Operations {
    static constexpr bool ordered = std::ranges::is_sorted(
        std::array<std::uint16_t, sizeof...(Rows)>{op_of<typename Rows::Request>...},
        std::ranges::less_equal());
    static_assert(ordered, "rows stand in the order of their numbers, each number once");

    template <class R>
    static consteval Effect effect_of() {
        Effect found;
        ((std::is_same_v<typename Rows::Request, R> ? void(found = Rows::effect) : void()), ...);
        return found;
    }
    // Returns "?" for a number that is not in the table.
    static constexpr std::string_view name_of(std::uint16_t op) {
        std::string_view found = "?";
        ((op_of<typename Rows::Request> == op ? void(found = Rows::name) : void()), ...);
        return found;
    }
};

template <class... M>
struct Messages {};

}  // namespace flexfs::wire
