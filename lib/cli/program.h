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
inline constexpr int exit_usage = 2;  // the command line is wrong; nothing was done

struct Verb {
    std::string name;     // "status", "init fstab"; empty: the role is this one command
    std::string summary;  // one sentence without a full stop
    std::vector<Argument> arguments = {};  // required ones first
    std::vector<Flag> flags = {};          // --help is added
    std::function<int()> run;              // after everything is set; returns the exit code
    std::string details = {};              // help ends with these lines
};

struct Program {
    std::string name;     // as the user typed it: "flexfs mount", "mount.flexfs"
    std::string summary;  // one sentence without a full stop; empty: of a part of the commands
    std::vector<Verb> verbs;
    std::string default_verb = {};  // taken when the first word is no verb; empty: that is an error
};

// How a role was called.
struct Call {
    std::string program;            // "flexfs mount", "/sbin/mount.flexfs"
    std::vector<std::string> args;  // after the role's name
};

struct Streams {
    std::FILE* out = stdout;
    std::FILE* err = stderr;
};

// Finds the verb, sets its arguments and flags in the order given, runs it. Also answers `--help`,
// `help`, `--version` and `version`, and `init --help` where there are `init a` and `init b`. Bad
// usage is one sentence on `err` and exit_usage.
int run(const Program& program, std::span<const std::string> args, Streams streams = {});

// Help for the program, or, with one verb that has no name, for that verb.
std::string help(const Program& program);
std::string help(const Program& program, const Verb& verb);

// "name  summary" lines, aligned, wrapped to 80 columns; each begins with two spaces.
struct Item {
    std::string name, text;
};
std::string aligned(std::span<const Item> items);

// Prints "flexfs: MESSAGE" on standard error for an error. The exit code.
int report(const Result<void>& result);

// "flexfs 0.1.0\n".
std::string version_line();

}  // namespace flexfs::cli
