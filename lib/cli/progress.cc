#include "lib/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::cli {
namespace {

constexpr Duration terminal_interval = std::chrono::milliseconds(100);
constexpr Duration line_interval = std::chrono::seconds(5);

std::string format_count(double count) {
    if (count < 10) return fmt::format("{:.1f}", count);
    if (count < 10'000) return fmt::format("{:.0f}", count);
    if (count < 10'000'000) return fmt::format("{:.1f} k", count / 1e3);
    return fmt::format("{:.1f} M", count / 1e6);
}

double seconds(Duration span) {
    return double(span.count()) / 1e9;
}

}  // namespace

Screen Screen::standard_error() {
    Screen screen{.stream = stderr, .terminal = isatty(STDERR_FILENO) == 1};
    winsize size{};
    if (screen.terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        screen.columns = size.ws_col;
    return screen;
}

std::string format_rate(double per_second, Unit unit) {
    return unit == Unit::bytes ? format_size(std::uint64_t(per_second)) + "/s"
                               : format_count(per_second) + "/s";
}

Progress::Progress(Screen screen, std::string label, std::uint64_t total, Unit unit, Duration now)
    : screen_(screen),
      label_(std::move(label)),
      total_(total),
      unit_(unit),
      start_(now),
      last_(now) {}

Progress::~Progress() {
    if (drawn_ && screen_.terminal) fmt::print(screen_.stream, "\r\033[K");
    if (drawn_) std::fflush(screen_.stream);
}

void Progress::update(std::uint64_t done, Duration now) {
    if (!screen_.stream) return;
    if (now - last_ < (screen_.terminal ? terminal_interval : line_interval)) return;
    last_ = now;
    drawn_ = true;
    const std::string text = state(done, now - start_);
    if (screen_.terminal) fmt::print(screen_.stream, "\r\033[K{}", bar(done, text));
    else fmt::print(screen_.stream, "{}: {}\n", label_, text);
    std::fflush(screen_.stream);
}

void Progress::print(const std::string& line) {
    if (!screen_.stream) return;
    fmt::print(screen_.stream, "{}{}\n", drawn_ && screen_.terminal ? "\r\033[K" : "", line);
    std::fflush(screen_.stream);
}

std::string Progress::state(std::uint64_t done, Duration elapsed) const {
    const double rate = double(done) / std::max(seconds(elapsed), 1e-9);
    const std::string speed = format_rate(rate, unit_);
    if (total_ == 0) return speed;
    const double share = std::min(double(done) / double(total_), 1.0);
    std::string text = fmt::format("{:3.0f}%  {}", share * 100, speed);
    if (done > 0 && done < total_) {
        const double left = double(total_ - done) / rate;
        if (left < 9e9)
            text += ", " + format_duration(Duration(std::int64_t(left * 1e9))) + " left";
    }
    return text;
}

std::string Progress::bar(std::uint64_t done, std::string_view state) const {
    const int room = screen_.columns - int(label_.size() + state.size()) - 6;
    std::string line = label_ + "  ";
    if (room >= 10 && total_ > 0) {
        const int width = std::min(room, 30);
        const int full = int(std::min(double(done) / double(total_), 1.0) * width);
        line += fmt::format("[{}{}] ", std::string(std::size_t(full), '#'),
                            std::string(std::size_t(width - full), '.'));
    }
    line += state;
    return line.substr(0, std::size_t(std::max(screen_.columns - 1, 10)));
}

}  // namespace flexfs::cli
