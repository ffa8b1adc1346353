#include "lib/cli/progress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

namespace flexfs::cli {
namespace {

using namespace std::chrono_literals;

// Captures the text that a progress display writes.
class Paper {
public:
    Paper() : stream_(open_memstream(&text_, &size_)) {}
    ~Paper() {
        std::fclose(stream_);
        std::free(text_);
    }
    Paper(const Paper&) = delete;
    Paper& operator=(const Paper&) = delete;
    std::FILE* stream() { return stream_; }
    std::string text() {
        std::fflush(stream_);
        return {text_, size_};
    }

private:
    char* text_ = nullptr;
    std::size_t size_ = 0;
    std::FILE* stream_;
};

}  // namespace

TEST_CASE("on a terminal a bar shows share, rate and time left, and goes away") {
    Paper paper;
    {
        Progress progress({paper.stream(), true, 60}, "copy", 100 << 20, Unit::bytes, 0s);
        progress.update(25 << 20, 5s);
        CHECK(paper.text() ==
              "\r\033[Kcopy  [#####.................]  25%  5.0 MiB/s, 15.0 s left");
    }
    CHECK(paper.text().ends_with("\r\033[K"));
}

TEST_CASE("a bar is drawn at most ten times a second") {
    Paper paper;
    Progress progress({paper.stream(), true, 60}, "copy", 1000, Unit::count, 0s);

    for (int ms = 0; ms < 1000; ++ms) progress.update(std::uint64_t(ms), ms * 1ms);
    const std::string text = paper.text();
    CHECK(std::count(text.begin(), text.end(), '\r') == 9);
}

TEST_CASE("elsewhere there is a plain line every five seconds and nothing before") {
    Paper paper;
    {
        Progress progress({paper.stream(), false, 80}, "copy", 100, Unit::count, 0s);
        progress.update(10, 4s);
        CHECK(paper.text().empty());
        progress.update(20, 5s);
        progress.update(30, 6s);
    }

    CHECK(paper.text() == "copy:  20%  4.0/s, 20.0 s left\n");
}

TEST_CASE("a line takes the place of the bar, which is drawn again below it") {
    Paper paper;
    Progress progress({paper.stream(), true, 20}, "copy", 0, Unit::count, 0s);
    progress.print("before");
    progress.update(5, 1s);
    progress.print("between");
    progress.update(10, 2s);

    CHECK(paper.text() == "before\n\r\033[Kcopy  5.0/s\r\033[Kbetween\n\r\033[Kcopy  5.0/s");
}

TEST_CASE("a narrow terminal never wraps the line") {
    Paper paper;
    Progress progress({paper.stream(), true, 20}, "a long label", 100, Unit::count, 0s);

    progress.update(50, 1s);
    CHECK(paper.text().size() <= 19 + std::string("\r\033[K").size());
}

TEST_CASE("rates are short") {
    CHECK(format_rate(12'345, Unit::count) == "12.3 k/s");
    CHECK(format_rate(3.21, Unit::count) == "3.2/s");
    CHECK(format_rate(4 << 20, Unit::bytes) == "4.0 MiB/s");
}

}  // namespace flexfs::cli
