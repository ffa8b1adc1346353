#include <algorithm>
#include <cctype>

#include "lib/base/format.h"
#include "lib/cli/program.h"

namespace flexfs::cli {
namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t name_columns_max = 26;  // the text of longer names begins on the next line

std::string usage_of(const Program& program, const Verb& verb) {
    std::string line = program.name;
    if (!verb.name.empty()) line += " " + verb.name;
    for (const Argument& argument : verb.arguments)
        line += argument.required ? " " + argument.name : " [" + argument.name + "]";
    if (!verb.flags.empty()) line += " [flags]";
    return line + "\n";
}

// Appends words to `out`, whose cursor is at column `at`; further lines begin at column `indent`.
void wrap(std::string& out, std::string_view text, std::size_t indent, std::size_t at) {
    while (!text.empty()) {
        const auto space = std::min(text.find(' '), text.size());
        if (at > indent && at + 1 + space > columns) {
            out += '\n' + std::string(indent, ' ');
            at = indent;
        } else if (at > indent) {
            out += ' ';
            ++at;
        }
        out += text.substr(0, space);
        at += space;
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    out += '\n';
}

// Makes a sentence of a summary.
std::string sentence(std::string text) {
    if (!text.empty()) text[0] = char(std::toupper(static_cast<unsigned char>(text[0])));
    return text + ".";
}

std::string item_name(const Flag& flag) {
    // Long names are aligned whether or not a letter precedes them.
    std::string name = flag.names.starts_with("--") ? "    " + flag.names : flag.names;
    if (!flag.target.hint.empty()) name += " " + flag.target.hint;
    return name;
}

std::string flags_section(const Verb& verb) {
    std::vector<std::string> groups;
    for (const Flag& flag : verb.flags)
        if (!flag.help.empty() && std::ranges::find(groups, flag.group) == groups.end())
            groups.push_back(flag.group);
    if (groups.empty()) groups.push_back("");
    std::string out;
    for (const std::string& group : groups) {
        std::vector<Item> items;
        for (const Flag& flag : verb.flags)
            if (flag.group == group && !flag.help.empty())
                items.push_back({item_name(flag), flag.help});
        if (group == groups.front()) items.push_back({"-h, --help", "show this help"});
        out += fmt::format("\n{}:\n{}", group.empty() ? "Flags" : group, aligned(items));
    }
    return out;
}

}  // namespace

std::string aligned(std::span<const Item> items) {
    std::size_t width = 0;
    for (const Item& item : items)
        if (item.name.size() <= name_columns_max) width = std::max(width, item.name.size());
    const std::size_t indent = width + 4;
    std::string out;
    for (const Item& item : items) {
        out += "  " + item.name;
        if (item.name.size() > width) out += "\n" + std::string(indent, ' ');
        else out += std::string(indent - 2 - item.name.size(), ' ');
        wrap(out, item.text, indent, indent);
    }
    return out;
}

std::string help(const Program& program, const Verb& verb) {
    std::string out = "usage: " + usage_of(program, verb);
    if (!verb.name.empty() && verb.name == program.default_verb) {
        Verb unnamed = verb;
        unnamed.name.clear();
        out += "       " + usage_of(program, unnamed);
    }
    out += "\n";
    wrap(out, sentence(verb.summary), 0, 0);
    std::vector<Item> items;
    for (const Argument& argument : verb.arguments) items.push_back({argument.name, argument.help});
    if (!items.empty()) out += "\n" + aligned(items);
    out += flags_section(verb);
    if (!verb.details.empty()) out += "\n" + verb.details;
    return out;
}

std::string help(const Program& program) {
    if (program.verbs.size() == 1 && program.verbs[0].name.empty())
        return help(program, program.verbs[0]);
    std::string out = fmt::format("usage: {} COMMAND ...\n", program.name);
    if (!program.summary.empty()) wrap(out += '\n', sentence(program.summary), 0, 0);
    std::vector<Item> items;
    for (const Verb& verb : program.verbs) {
        std::string name = verb.name;
        for (const Argument& argument : verb.arguments)
            name += argument.required ? " " + argument.name : " [" + argument.name + "]";
        items.push_back({name, verb.summary});
    }
    if (!program.summary.empty()) items.push_back({"version", "print the version"});
    out += "\nCommands:\n" + aligned(items);
    out += fmt::format("\n{} COMMAND --help shows the flags of a command.\n", program.name);
    if (!program.default_verb.empty())
        out += fmt::format("The word {} may be omitted.\n", program.default_verb);
    return out;
}

}  // namespace flexfs::cli
