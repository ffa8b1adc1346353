#include "lib/cli/program.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/cli/parse.h"
#include "lib/cli/suggest.h"

namespace flexfs::cli {
namespace {

using Words = std::span<const std::string>;

// Returns the number of words at the start of `args` that are the verb's name; 0: another verb.
std::size_t words_matched(const Verb& verb, Words args) {
    std::size_t matched = 0;
    std::string_view rest = verb.name;
    while (!rest.empty()) {
        const auto space = std::min(rest.find(' '), rest.size());
        if (matched == args.size() || args[matched] != rest.substr(0, space)) return 0;
        rest.remove_prefix(std::min(space + 1, rest.size()));
        ++matched;
    }
    return matched;
}

struct Found {
    const Verb* verb = nullptr;
    Words rest;
};

// Returns true for "init" if there is a verb "init fstab".
bool begins_verb(const Program& program, const std::string& word) {
    return std::ranges::any_of(program.verbs, [start = word + " "](const Verb& verb) {
        return verb.name.starts_with(start);
    });
}

Found find_verb(const Program& program, Words args) {
    for (const Verb& verb : program.verbs)
        if (auto matched = words_matched(verb, args); matched > 0)
            return {&verb, args.subspan(matched)};
    if (!args.empty() && begins_verb(program, args[0])) return {};
    for (const Verb& verb : program.verbs)
        if (verb.name == program.default_verb) return {&verb, args};
    return {};
}

// Returns the words at the place of a verb's name: two if the first could begin one.
std::string said_verb(const Program& program, Words args) {
    return begins_verb(program, args[0]) && args.size() > 1 ? args[0] + " " + args[1] : args[0];
}

// Returns "; did you mean 'status'?", or nothing.
std::string meant_verb(const Program& program, std::string_view said) {
    std::vector<Synonym> words;
    for (const Verb& verb : program.verbs) {
        words.push_back({verb.name, verb.name});
        for (const std::string& synonym : verb.synonyms) words.push_back({synonym, verb.name});
    }
    const auto meant = nearest(said, words);
    return meant ? fmt::format("; did you mean '{}'?", *meant) : "";
}

std::string unknown_verb(const Program& program, Words args) {
    const std::string said = said_verb(program, args);
    if (auto meant = meant_verb(program, said); !meant.empty())
        return fmt::format("unknown command '{}'{}", said, meant);
    const bool half = begins_verb(program, args[0]);
    std::vector<std::string_view> names;
    for (const Verb& verb : program.verbs)
        if (!half || verb.name.starts_with(args[0] + " ")) names.push_back(verb.name);
    return fmt::format("unknown command '{}'; use {}{}", said, names.size() > 1 ? "one of " : "",
                       fmt::join(names, ", "));
}

bool asks_for_help(std::string_view word) {
    return word == "--help" || word == "-h" || word == "help";
}

// Returns the verbs of two words that begin with `word`: for "init", "init fstab" as "fstab".
Program commands_of(const Program& program, const std::string& word) {
    Program some{.name = program.name + " " + word, .summary = {}, .verbs = {}};
    for (Verb verb : program.verbs) {
        if (!verb.name.starts_with(word + " ")) continue;
        verb.name.erase(0, word.size() + 1);
        some.verbs.push_back(std::move(verb));
    }
    return some;
}

int bad_usage(const Program& program, std::string_view verb, std::string_view sentence,
              Streams streams) {
    fmt::print(streams.err, "{}: {}\nSee {}{}{} --help\n", program.name, sentence, program.name,
               verb.empty() ? "" : " ", verb);
    return exit_usage;
}

}  // namespace

int run(const Program& program, Words args, Streams streams) {
    if (args.size() > 1 && args[0] == "help") {
        std::vector<std::string> named(args.begin() + 1, args.end());
        named.push_back("--help");
        return run(program, named, streams);
    }
    if (!args.empty() && asks_for_help(args[0])) {
        fmt::print(streams.out, "{}", help(program));
        return exit_success;
    }
    if (!args.empty() && (args[0] == "version" || args[0] == "--version")) {
        fmt::print(streams.out, "{}", version_line());
        return exit_success;
    }
    const bool one_command = program.verbs.size() == 1 && program.verbs[0].name.empty();
    if (args.empty() && !one_command) {
        fmt::print(streams.err, "{}", help(program));
        return exit_usage;
    }
    const bool asked = args.size() == 2 && asks_for_help(args[1]);
    if (args.size() == 1 || asked)
        if (const Program some = commands_of(program, args[0]); !some.verbs.empty()) {
            fmt::print(asked ? streams.out : streams.err, "{}", help(some));
            return asked ? exit_success : exit_usage;
        }
    const auto [verb, rest] = find_verb(program, args);
    if (!verb) return bad_usage(program, "", unknown_verb(program, args), streams);

    auto parsed = parse(*verb, rest);
    if (!parsed) {
        std::string sentence = parsed.error().context;
        const bool implied = !one_command && rest.size() == args.size();
        if (implied) sentence += meant_verb(program, said_verb(program, args));
        return bad_usage(program, verb->name, sentence, streams);
    }
    if (*parsed == Parsed::help) {
        fmt::print(streams.out, "{}", help(program, *verb));
        return exit_success;
    }
    return verb->run();
}

int report(const Result<void>& result) {
    if (result) return exit_success;
    fmt::print(stderr, "flexfs: {}\n", result.error().message());
    return exit_failure;
}

std::string version_line() {
    return "flexfs " FLEXFS_VERSION "\n";
}

}  // namespace flexfs::cli
