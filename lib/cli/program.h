// The command line of one role: a table of commands, each with its arguments and flags. Dispatch,
// --help and errors are read off the table.
#pragma once

#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/cli/flag.h"

namespace flexfs::cli {

inline constexpr int exit_success = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;  // the command line is wrong, and nothing was done

struct Verb {
    std::string name;     // "status", "init fstab"; empty: the role is this one command
    std::string summary;  // one sentence without a full stop
    std::vector<Argument> arguments = {};    // required ones first
    std::vector<Flag> flags = {};            // --help is added
    std::function<int()> run;                // runs after everything is set; returns the exit code
    std::string details = {};                // the last lines of the help
    std::vector<std::string> synonyms = {};  // unknown words for which it is suggested: "list"
};

struct Program {
    std::string name;     // as the user typed it: "flexfs mount", "mount.flexfs"
    std::string summary;  // one sentence without a full stop; empty for a part of the commands
    std::vector<Verb> verbs;
    std::string default_verb = {};  // runs if the first word is no verb; empty: that is an error
};

// A call of a role.
struct Call {
    std::string program;            // "flexfs mount", "/sbin/mount.flexfs"
    std::vector<std::string> args;  // after the role's name
};

struct Streams {
    std::FILE* out = stdout;
    std::FILE* err = stderr;
};

// Finds the verb, sets its arguments and flags in the order given, and runs it. Also answers
// `--help`, `help`, `help VERB`, `--version` and `version`, and `init --help` if there are `init a`
// and `init b`. Bad usage prints one sentence on `err`, or the help if a verb is missing, and
// returns exit_usage.
int run(const Program& program, std::span<const std::string> args, Streams streams = {});

// Returns the help for the program, or for its verb if that is the only one and has no name.
std::string help(const Program& program);
std::string help(const Program& program, const Verb& verb);

// A "name  summary" line; lines are aligned, wrapped to 80 columns, and begin with two spaces.
struct Item {
    std::string name, text;
};
std::string aligned(std::span<const Item> items);

// Prints "flexfs: MESSAGE" on standard error for an error. Returns the exit code.
int report(const Result<void>& result);

// Returns "flexfs 0.1.0\n".
std::string version_line();

}  // namespace flexfs::cli
