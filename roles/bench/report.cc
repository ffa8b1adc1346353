#include "roles/bench/report.h"

#include <algorithm>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::bench {

const Measured& median(std::vector<Measured>& runs) {
    check(!runs.empty());
    std::ranges::sort(runs, {}, &Measured::ops_per_s);
    return runs[(runs.size() - 1) / 2];
}

cli::Table summary(std::span<const Measured> all) {
    cli::Table table({{"phase"},
                      {"threads", true},
                      {"ops", true},
                      {"seconds", true},
                      {"ops/s", true},
                      {"bytes/s", true}});
    std::vector<std::vector<Measured>> groups;
    for (const Measured& one : all) {
        const auto same = std::ranges::find_if(groups, [&one](const auto& group) {
            return group[0].phase == one.phase && group[0].threads == one.threads;
        });
        if (same == groups.end()) groups.push_back({one});
        else same->push_back(one);
    }
    for (auto& group : groups) {
        const Measured& m = median(group);
        table.add({Json(m.phase),
                   Json(m.threads),
                   Json(m.ops),
                   {Json(m.seconds()), fmt::format("{:.2f}", m.seconds())},
                   {Json(m.ops_per_s()), fmt::format("{:.0f}", m.ops_per_s())},
                   m.bytes == 0 ? cli::Cell(Json())
                                : cli::Cell(Json(m.bytes_per_s()),
                                            cli::format_rate(m.bytes_per_s(), cli::Unit::bytes))});
    }
    return table;
}

}  // namespace flexfs::bench
