#include "lib/cli/program.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "lib/cli/parse.h"

namespace flexfs::cli {
namespace {

// A small program that records the effect of a command line.
struct Shop {
    std::string ran, volume, dir;
    std::uint64_t size = 0;
    bool read_only = false, foreground = false;
    std::vector<std::string> options;
    std::string out, err;

    Program program() {
        return {.name = "flexfs shop",
                .summary = "buy and sell",
                .verbs = {{.name = "start",
                           .summary = "open the shop",
                           .arguments = {{"NAME", text(volume, "NAME"), "of the shop"},
                                         {"DIR", text(dir, "DIR"), "where it stands", false}},
                           .flags = {{.names = "--ro",
                                      .target = sets(read_only),
                                      .help = "look, do not touch",
                                      .synonyms = {"readOnly"}},
                                     {"--noRO", sets(read_only, false), "touch"},
                                     {"-f, --foreground", sets(foreground), "stay"},
                                     {"-o", texts(options, "OPTIONS"), "a list", "Old ways"},
                                     {"--size", flexfs::cli::size(size), "how large it is"}},
                           .run = [this] { return ran = "start", 7; }},
                          {.name = "init fstab",
                           .summary = "add a line",
                           .run = [this] { return ran = "init fstab", 0; },
                           .synonyms = {"mount"}}},
                .default_verb = "start"};
    }

    int call(std::vector<std::string> args) {
        char* texts[2] = {};
        std::size_t sizes[2] = {};
        Streams streams{open_memstream(&texts[0], &sizes[0]), open_memstream(&texts[1], &sizes[1])};
        const int code = run(program(), args, streams);
        std::fclose(streams.out);
        std::fclose(streams.err);
        out = texts[0];
        err = texts[1];
        std::free(texts[0]);
        std::free(texts[1]);
        return code;
    }
};

}  // namespace

TEST_CASE("arguments and flags may be mixed, with either way to give a value") {
    Shop shop;

    CHECK(shop.call({"start", "-f", "v", "--size=4K", "d", "-o", "a", "-ob", "--ro"}) == 7);
    CHECK(shop.ran == "start");
    CHECK(shop.volume == "v");
    CHECK(shop.dir == "d");
    CHECK(shop.size == 4096);
    CHECK(shop.foreground);
    CHECK(shop.read_only);
    CHECK(shop.options == std::vector<std::string>{"a", "b"});
}

TEST_CASE("the last of two contradicting flags holds") {
    Shop shop;

    shop.call({"start", "v", "--ro", "--size", "1", "--noRO", "--size", "2"});
    CHECK(!shop.read_only);
    CHECK(shop.size == 2);
    shop.call({"start", "v", "--noRO", "--ro"});
    CHECK(shop.read_only);
}

TEST_CASE("the default command needs no word and two words make one command") {
    Shop shop;

    CHECK(shop.call({"v", "d"}) == 7);
    CHECK(shop.volume == "v");
    CHECK(shop.call({"init", "fstab"}) == 0);
    CHECK(shop.ran == "init fstab");
}

TEST_CASE("after -- everything is an argument") {
    Shop shop;

    CHECK(shop.call({"start", "--ro", "--", "-v", "--size"}) == 7);
    CHECK(shop.volume == "-v");
    CHECK(shop.dir == "--size");
}

TEST_CASE("bad usage is one sentence that names what is wrong, and exit code 2") {
    const struct {
        std::vector<std::string> args;
        const char* sentence;
    } cases[] = {
        {{"start", "v", "--siez", "4"}, "unknown flag --siez; did you mean --size?"},
        {{"start", "v", "--siez=4"}, "unknown flag --siez; did you mean --size?"},
        {{"start", "v", "-ro"}, "unknown flag -ro; did you mean --ro?"},
        {{"start", "v", "--readOnly"}, "unknown flag --readOnly; did you mean --ro?"},
        {{"start", "v", "--frobnicate"}, "unknown flag --frobnicate"},
        {{"start", "v", "--size"}, "--size needs a value: SIZE"},
        {{"start", "v", "--size", "big"}, "--size: 'big' is not a size"},
        {{"start"}, "NAME is missing"},
        {{"start", ""}, "NAME: the value is empty"},
        {{"start", "v", "d", "e"}, "unexpected argument 'e'"},
        {{"mount", "v", "d"}, "unexpected argument 'd'; did you mean 'init fstab'?"},
        {{"strat", "v", "d"}, "unexpected argument 'd'; did you mean 'start'?"},
    };
    for (const auto& each : cases) {
        Shop shop;
        CHECK(shop.call(each.args) == exit_usage);
        CHECK(shop.ran.empty());
        CHECK_MESSAGE(shop.err.starts_with(std::string("flexfs shop: ") + each.sentence), shop.err);
        CHECK(shop.err.ends_with("See flexfs shop start --help\n"));
    }
}

TEST_CASE("an unknown command is answered with the nearest one") {
    Shop shop;
    Program program = shop.program();
    program.default_verb.clear();
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* err = open_memstream(&text, &size);
    const std::string args[] = {"init", "fsatb"};

    CHECK(run(program, args, {err, err}) == exit_usage);
    std::fclose(err);
    CHECK(std::string(text) ==
          "flexfs shop: unknown command 'init fsatb'; did you mean 'init fstab'?\n"
          "See flexfs shop --help\n");
    std::free(text);
}

TEST_CASE("half a command of two words is never the default one") {
    Shop shop;

    CHECK(shop.call({"init", "v", "d"}) == exit_usage);
    CHECK(shop.err ==
          "flexfs shop: unknown command 'init v'; use init fstab\nSee flexfs shop --help\n");
    CHECK(shop.call({"init"}) == exit_usage);
    CHECK(shop.err.starts_with("usage: flexfs shop init COMMAND ...\n"));
    CHECK(shop.ran.empty());
}

TEST_CASE("flags that exclude each other are refused by name") {
    bool one = false, other = false;
    const Verb verb{.name = "",
                    .flags = {{"--one", sets(one), "one", {}, {"--other"}},
                              {"--other", sets(other), "another"}}};
    const auto complaint = [&](std::vector<std::string> args) {
        auto parsed = parse(verb, args);
        return parsed ? "" : parsed.error().context;
    };

    CHECK(complaint({"--other", "--one"}) == "--one and --other exclude each other");
    CHECK(complaint({"--one", "--other=false"}).empty());
    CHECK(complaint({"--other"}).empty());
}

TEST_CASE("help shows every row of the table") {
    Shop shop;

    CHECK(shop.call({"--help"}) == 0);
    CHECK(shop.out == R"(usage: flexfs shop COMMAND ...

Buy and sell.

Commands:
  start NAME [DIR]  open the shop
  init fstab        add a line
  version           print the version

flexfs shop COMMAND --help shows the flags of a command.
The word start may be omitted.
)");
    CHECK(shop.call({"start", "-h"}) == 0);
    CHECK(shop.out == R"(usage: flexfs shop start NAME [DIR] [flags]
       flexfs shop NAME [DIR] [flags]

Open the shop.

  NAME  of the shop
  DIR   where it stands

Flags:
      --ro          look, do not touch
      --noRO        touch
  -f, --foreground  stay
      --size SIZE   how large it is
  -h, --help        show this help

Old ways:
  -o OPTIONS  a list
)");
    CHECK(shop.ran.empty());
}

TEST_CASE("help of a first word is that of the commands which begin with it") {
    Shop shop;

    CHECK(shop.call({"init", "--help"}) == 0);
    CHECK(shop.out == R"(usage: flexfs shop init COMMAND ...

Commands:
  fstab  add a line

flexfs shop init COMMAND --help shows the flags of a command.
)");
    CHECK(shop.ran.empty());
}

TEST_CASE("help takes the name of a command") {
    Shop shop;

    CHECK(shop.call({"init", "fstab", "--help"}) == 0);
    const std::string expected = shop.out;
    CHECK(shop.call({"help", "init", "fstab"}) == 0);
    CHECK(shop.out == expected);
    CHECK(shop.call({"help", "init"}) == 0);
    CHECK(shop.out.starts_with("usage: flexfs shop init COMMAND ...\n"));
    CHECK(shop.ran.empty());
}

TEST_CASE("long help is wrapped under its column") {
    const Item items[] = {{"--short", std::string(70, 'x') + " yy zz"},
                          {"--a-name-that-is-much-too-long", "text"}};

    CHECK(aligned(items) == "  --short  " + std::string(70, 'x') + "\n           yy zz\n" +
                                "  --a-name-that-is-much-too-long\n           text\n");
}

TEST_CASE("every role prints its version") {
    Shop shop;

    CHECK(shop.call({"version"}) == 0);
    CHECK(shop.out == version_line());
    CHECK(shop.call({"--version"}) == 0);
    CHECK(shop.out.starts_with("flexfs "));
}

}  // namespace flexfs::cli
