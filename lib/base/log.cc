#include "lib/base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cerrno>

namespace flexfs::log {
namespace {

constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                spdlog::level::warn, spdlog::level::err};

struct Log {
    std::shared_ptr<spdlog::logger> logger;
    std::string path;

    Log() { use(std::make_shared<spdlog::sinks::stderr_sink_mt>()); }

    void use(spdlog::sink_ptr sink) {
        const auto level = logger ? logger->level() : spdlog::level::info;
        logger = std::make_shared<spdlog::logger>("flexfs", std::move(sink));
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
        logger->set_level(level);
        logger->flush_on(spdlog::level::info);
    }
};

// This is the one mutable global: every function would need the log as an argument.
Log& the_log() {
    static Log log;
    return log;
}

}  // namespace

void set_level(Level level) {
    the_log().logger->set_level(levels[int(level)]);
}

bool enabled(Level level) {
    return the_log().logger->should_log(levels[int(level)]);
}

Result<void> to_file(const std::string& path) {
    try {
        the_log().use(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
        the_log().path = path;
        return {};
    } catch (const spdlog::spdlog_ex& problem) {
        return fail(errno ? errno : EIO, "cannot open the log file " + path);
    }
}

void rotate() {
    if (the_log().path.empty()) return;
    if (auto opened = to_file(the_log().path); !opened) error("{}", opened.error().message());
}

void write(Level level, std::string_view line) {
    the_log().logger->log(levels[int(level)], "{}", line);
}

void background_failure(std::string_view doing, const Error& why) {
    if (why.code != ECANCELED) warn("{}: {}", doing, why.message());
}

}  // namespace flexfs::log
