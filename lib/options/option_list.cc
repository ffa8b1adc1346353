#include "lib/options/option_list.h"

#include <algorithm>
#include <cerrno>
#include <span>

#include "lib/cli/flag.h"
#include "lib/options/option_table.h"

namespace flexfs::options {
namespace {

// Returns true if the table lists the option under another name, and applies it.
bool apply_by_name(std::span<const Option> table, std::string_view name) {
    for (const Option& row : table) {
        const auto found = std::ranges::find(row.names, name, &OptionName::name);
        if (found == row.names.end()) continue;
        found->apply();
        return true;
    }
    return false;
}

std::vector<cli::Flag> flags_of(std::span<const Option> table) {
    std::vector<cli::Flag> flags;
    for (const Option& row : table) flags.push_back(row.flag);
    return flags;
}

Result<void> apply(MountOptions& options, std::span<const ListedOption> list, bool sloppy,
                   bool remount = false) {
    const auto table = option_table(options);
    const auto rows = flags_of(table);
    bool had_value = false;
    for (const auto& [text, name, value] : list) {
        const ForeignOption* foreign = find_foreign(name);
        if (foreign && (remount || !foreign->only_remount)) continue;
        if (name == "remount")
            return fail(EINVAL, "remount changes a running mount: mount -o remount,ro DIR");
        if (apply_by_name(table, name)) continue;
        const bool known = std::ranges::any_of(
            rows, [name](const cli::Flag& row) { return cli::long_name(row) == name; });
        if (!known && sloppy) continue;
        auto set = cli::set_option(rows, name, value);
        if (!set && !known && !value && had_value)
            return fail(EINVAL, set.error().context + " (a value in -o cannot have a comma)");
        TRY(std::move(set));
        had_value |= value.has_value();
    }
    return {};
}

// Returns the last option in the list that changes the row's value, for a message to quote.
std::string_view culprit(const MountOptions& flags_only, std::size_t row,
                         std::span<const ListedOption> list, bool sloppy) {
    std::string_view found;
    for (const ListedOption& option : list) {
        MountOptions one = flags_only;
        if (!apply(one, {&option, 1}, sloppy)) continue;
        MountOptions before = flags_only;
        if (option_table(one)[row].value() != option_table(before)[row].value())
            found = option.text;
    }
    return found;
}

}  // namespace

std::vector<ListedOption> split_options(std::string_view list) {
    std::vector<ListedOption> options;
    while (!list.empty()) {
        const auto text = list.substr(0, list.find(','));
        list.remove_prefix(std::min(text.size() + 1, list.size()));
        const auto name = text.substr(0, text.find('='));
        if (name.empty()) continue;
        ListedOption& option = options.emplace_back(text, name);
        if (name.size() < text.size()) option.value = text.substr(name.size() + 1);
    }
    return options;
}

bool is_remount(std::string_view list) {
    return std::ranges::any_of(split_options(list),
                               [](const ListedOption& option) { return option.text == "remount"; });
}

Result<void> apply_option_list(MountOptions& options, std::string_view list, bool sloppy) {
    return apply(options, split_options(list), sloppy);
}

Result<void> merge_option_list(MountOptions& options) {
    const std::string text = std::exchange(options.listed, {});
    const auto list = split_options(text);
    MountOptions flags_only = options;
    TRY(apply(options, list, options.sloppy));
    const auto before = option_table(flags_only), after = option_table(options);
    for (std::size_t row = 0; row < before.size(); ++row) {
        const std::string_view name = cli::long_name(before[row].flag);
        if (std::ranges::find(options.flags_given, name) == options.flags_given.end()) continue;
        if (before[row].value() == after[row].value()) continue;
        return fail(EINVAL, fmt::format("--{} contradicts '{}' in -o; give one of them", name,
                                        culprit(flags_only, row, list, options.sloppy)));
    }
    return {};
}

Result<void> check_remount_list(std::string_view list, bool sloppy) {
    MountOptions unused;
    return apply(unused, split_options(list), sloppy, true);
}

std::vector<std::string> changes(const MountOptions& options, const wire::VolumeInfo& volume,
                                 std::string_view list) {
    std::vector<std::string> names;
    for (const ListedOption& option : split_options(list)) {
        MountOptions wanted = options;
        wanted.fresh = {};
        if (!apply(wanted, {&option, 1}, true, true) ||
            command_line(wanted) != command_line(options) || !wanted.fresh.check_same(volume, ""))
            names.emplace_back(option.name);
    }
    return names;
}

}  // namespace flexfs::options
