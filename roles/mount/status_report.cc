#include "roles/mount/status_report.h"

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cli/table.h"
#include "roles/mount/unstored.h"

namespace flexfs::mount {
namespace {

double seconds(std::int64_t nanoseconds) {
    return double(nanoseconds) / 1e9;
}

Json dirty(const vfs::State& files, Time now) {
    Json json{{"bytes", files.dirty_bytes},
              {"files", files.dirty_files},
              {"oldest_s", seconds(files.dirty_oldest.count())},
              {"bound_s", seconds(files.dirty_bound.count())},
              {"late", files.dirty_late},
              {"written_back_bytes", files.stored_bytes}};
    if (files.trouble.code != 0)
        json["trouble"] = {{"errno", files.trouble.code},
                           {"message", files.trouble.message},
                           {"for_s", seconds(std::max<Time>(now - files.trouble.since, 0))}};
    return json;
}

Json store(const object::Counters& counters) {
    return {{"requests",
             {{"get", counters.gets},
              {"put", counters.puts},
              {"delete", counters.deletes},
              {"list", counters.lists}}},
            {"bytes", {{"get", counters.get_bytes}, {"put", counters.put_bytes}}}};
}

Json limits(const wire::VolumeInfo& volume) {
    const auto limit = [](std::uint64_t value) { return value > 0 ? Json(value) : Json(); };
    return {{"bytes", limit(volume.max_blocks * volume.block_bytes)},
            {"inodes", limit(volume.max_inodes)}};
}

Json metadata(const volume::OpenVolume::ServiceCounters& counters) {
    return {{"changes", counters.changes.calls},
            {"records", counters.changes.batches},
            {"syncs", counters.changes.syncs},
            {"checkpoints", counters.changes.checkpoints},
            {"segments_deleted", counters.segments.segments_deleted},
            {"segments_repacked", counters.segments.segments_repacked}};
}

}  // namespace

Json to_json(const MountStatus& status, Time now) {
    Json json{
        {"mount_point", status.mount_point},
        {"volume",
         {{"address", status.address}, {"id", status.volume.id}, {"name", status.volume.name}}},
        {"state", status.phase == Phase::serving ? "serving" : "stopping"},
        {"pid", status.pid},
        {"version", FLEXFS_VERSION},
        {"restarts", status.restarts},
        {"leaving", status.phase == Phase::stopping},
        {"read_only", status.read_only},
        {"limits", limits(status.volume)},
        {"dirty", dirty(status.files, now)},
        {"memory", {{"budget", status.memory_budget}, {"used", status.memory_used}}},
        {"reads", {{"failed", status.files.failed_reads}}},
        {"cache", {{"hits", status.files.cache_hits}, {"misses", status.files.cache_misses}}},
        {"open_handles", status.files.open_handles},
        {"cached_inodes", status.files.cached_inodes},
        {"store", store(status.store)}};
    if (status.service) json["metadata"] = metadata(*status.service);
    json["metrics"] = status.metrics;
    return json;
}

Json dead_mount(const std::string& mount_point, const std::string& address) {
    return {{"mount_point", mount_point},
            {"volume", {{"address", address}}},
            {"state", "dead"},
            {"dead", true}};
}

std::string trouble_sentence(const Json& status) {
    if (!status.contains("dirty") || !status["dirty"].contains("trouble")) return {};
    const Json& dirty = status["dirty"];
    const Json& trouble = dirty["trouble"];
    const auto files = dirty.value("files", std::uint64_t(0));
    return fmt::format("cannot write back {} in {} (for {:.0f} s): {}; retrying",
                       format_size(dirty.value("bytes", std::uint64_t(0))), count_of_files(files),
                       trouble.value("for_s", 0.0), trouble.value("message", "unknown error"));
}

std::string unstored_sentence(const Json& status) {
    const Json dirty = status.value("dirty", Json::object());
    const auto bytes = dirty.value("bytes", std::uint64_t(0));
    const auto files = dirty.value("files", std::uint64_t(0));
    if (bytes == 0 && files == 0) return "nothing";
    return fmt::format("{} in {}, the oldest for {:.0f} s", format_size(bytes),
                       count_of_files(files), dirty.value("oldest_s", 0.0));
}

std::string description(const Json& status) {
    const auto of = [&status](const char* part) { return status.value(part, Json::object()); };
    const Json volume = of("volume"), dirty = of("dirty"), limits = of("limits"),
               memory = of("memory");
    std::string text;
    const auto line = [&text](std::string_view name, const std::string& value) {
        text += fmt::format("{:<15} {}\n", name, value);
    };
    const auto limit = [&limits](const char* what, const auto& shown) {
        const Json value = limits.value(what, Json());
        return value.is_number() ? shown(value.template get<std::uint64_t>())
                                 : std::string("unlimited");
    };
    line("mount point", status.value("mount_point", ""));
    line("volume", volume.value("address", ""));
    line("state", fmt::format("{}, {}", status.value("state", "serving"),
                              status.value("read_only", false) ? "read-only" : "read-write"));
    line("process", fmt::format("{}, flexfs {}", status.value("pid", 0),
                                status.value("version", "of another version")));
    line("not stored yet", unstored_sentence(status));
    if (const std::string trouble = trouble_sentence(status); !trouble.empty())
        line("trouble", trouble);
    if (const auto late = dirty.value("late", std::uint64_t(0)); late > 0)
        line("late", fmt::format("{} times, data was not stored within {:.0f} s", late,
                                 dirty.value("bound_s", 0.0)));
    if (const auto failed = of("reads").value("failed", std::uint64_t(0)); failed > 0)
        line("failed reads", fmt::format("{}, because data is missing, damaged or not reachable; "
                                         "the log names the files",
                                         failed));
    line("limits", fmt::format("{} of data, {} inodes", limit("bytes", format_size),
                               limit("inodes", [](std::uint64_t n) { return std::to_string(n); })));
    line("memory", fmt::format("{} of {}", format_size(memory.value("used", std::uint64_t(0))),
                               format_size(memory.value("budget", std::uint64_t(0)))));
    line("open files", std::to_string(status.value("open_handles", std::uint64_t(0))));
    return text;
}

std::string overview(const Json& all) {
    cli::Table table({{"mount point"},
                      {"volume"},
                      {"state"},
                      {"pid", true},
                      {"dirty", true},
                      {"memory", true},
                      {"open files", true}});
    std::string troubles;
    for (const auto& one : all) {
        const Json address = one.value("volume", Json::object()).value("address", "");
        const Json state = one.value("state", one.contains("dead") ? "dead" : "serving");
        if (state == "dead") {
            table.add({one["mount_point"], address, state, Json(), Json(), Json(), Json()});
            continue;
        }
        const auto bytes = [&one](const char* part, const char* what) {
            return format_size(one[part].value(what, std::uint64_t(0)));
        };
        table.add({one["mount_point"],
                   address,
                   state,
                   one["pid"],
                   {one["dirty"], bytes("dirty", "bytes")},
                   {one["memory"], bytes("memory", "used") + " of " + bytes("memory", "budget")},
                   one["open_handles"]});
        if (const std::string trouble = trouble_sentence(one); !trouble.empty())
            troubles += fmt::format("{}: {}\n", one["mount_point"].get<std::string>(), trouble);
    }
    return table.text() + troubles;
}

}  // namespace flexfs::mount
