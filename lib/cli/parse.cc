#include "lib/cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <map>

#include "lib/cli/suggest.h"

namespace flexfs::cli {
namespace {

std::unexpected<Error> unknown_flag(const Verb& verb, std::string_view word) {
    const auto name = word.substr(0, word.find('='));
    std::vector<Synonym> words{{"help", "help"}};
    for (const Flag& flag : verb.flags) {
        const auto known = long_name(flag);
        if (known.empty() || flag.help.empty()) continue;
        words.push_back({known, known});
        for (const std::string& synonym : flag.synonyms) words.push_back({synonym, known});
    }
    std::string sentence = fmt::format("unknown flag {}", name);
    const auto wanted = name.substr(std::min(name.find_first_not_of('-'), name.size()));
    if (auto meant = nearest(wanted, words))
        sentence += fmt::format("; did you mean --{}?", *meant);
    return fail(EINVAL, sentence);
}

Result<void> set_arguments(const Verb& verb, std::span<const std::string> words) {
    for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
        const Argument& argument = verb.arguments[i];
        if (i >= words.size()) {
            if (argument.required) return fail(EINVAL, fmt::format("{} is missing", argument.name));
            break;
        }
        if (auto set = argument.target.set(words[i]); !set)
            return fail(EINVAL, fmt::format("{}: {}", argument.name, set.error().context));
    }
    if (words.size() > verb.arguments.size())
        return fail(EINVAL, fmt::format("unexpected argument '{}'", words[verb.arguments.size()]));
    return {};
}

// Declares one CLI11 option per row. CLI11 only splits words: values stay text, and the rows check
// them.
class Parser {
public:
    explicit Parser(const Verb& verb) : verb_(verb) {
        app_.set_help_flag();
        app_.allow_extras();
        help_ = app_.add_flag("-h,--help");
        for (const Flag& flag : verb.flags) {
            CLI::Option* option = flag.target.hint.empty()
                                      ? app_.add_flag(flag.names)
                                      : app_.add_option(flag.names)->expected(1);
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
            rows_[option] = &flag;
        }
    }

    Result<Parsed> parse(std::span<const std::string> args) {
        try {
            app_.parse(std::vector<std::string>(args.rbegin(), args.rend()));
        } catch (const CLI::ParseError& problem) {
            return fail(EINVAL, explain(args, problem));
        }
        if (help_->count() > 0) return Parsed::help;
        TRY(auto words, arguments(args));
        TRY(check_exclusive());
        TRY(set_flags());
        TRY(set_arguments(verb_, words));
        return Parsed::run;
    }

private:
    // CLI11 leaves over words that are no flags; words after "--" are arguments in any case.
    Result<std::vector<std::string>> arguments(std::span<const std::string> args) {
        const auto end = std::ranges::find(args, "--");
        const auto literal = std::size_t(std::distance(end, args.end()));
        std::vector<std::string> words = app_.remaining();
        std::erase(words, "--");
        const std::size_t judged = words.size() - (literal > 0 ? literal - 1 : 0);
        for (std::size_t i = 0; i < judged; ++i)
            if (words[i].size() > 1 && words[i][0] == '-') return unknown_flag(verb_, words[i]);
        return words;
    }

    Result<void> check_exclusive() {
        for (const auto& [option, flag] : rows_)
            for (const std::string& other : flag->excludes)
                if (is_on(*option) && is_on(*app_.get_option(other)))
                    return fail(EINVAL,
                                fmt::format("{} and {} exclude each other", shown(*flag), other));
        return {};
    }
    static bool is_on(const CLI::Option& option) {
        return option.count() > 0 && option.results().back() != "false";
    }

    Result<void> set_flags() {
        std::map<const CLI::Option*, std::size_t> seen;
        for (const CLI::Option* option : app_.parse_order()) {
            const auto row = rows_.find(option);
            if (row == rows_.end()) continue;
            const Flag& flag = *row->second;
            const std::string& value = option->results().at(seen[option]++);
            if (auto set = flag.target.set(value); !set)
                return fail(EINVAL, fmt::format("{}: {}", shown(flag), set.error().context));
        }
        return {};
    }

    // CLI11 itself can find only two mistakes: a flag at the end that lacks its value, and
    // `--switch=nonsense`.
    std::string explain(std::span<const std::string> args, const CLI::ParseError& problem) {
        if (!args.empty())
            for (const auto& [option, flag] : rows_)
                if (option->check_name(args.back()) && !flag->target.hint.empty())
                    return fmt::format("{} needs a value: {}", args.back(), flag->target.hint);
        return problem.what();
    }

    static std::string shown(const Flag& flag) {
        const auto name = long_name(flag);
        return name.empty() ? flag.names : "--" + std::string(name);
    }

    const Verb& verb_;
    CLI::App app_;
    CLI::Option* help_;
    std::map<const CLI::Option*, const Flag*> rows_;
};

}  // namespace

Result<Parsed> parse(const Verb& verb, std::span<const std::string> args) {
    return Parser(verb).parse(args);
}

}  // namespace flexfs::cli
