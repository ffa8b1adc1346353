#include "roles/scrub/report.h"

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cli/table.h"

namespace flexfs::scrub {
namespace {

std::string name_of(const wire::Damage& damage) {
    return damage.path.empty() ? fmt::format("(no name, inode {})", damage.ino) : damage.path;
}

cli::Table table_of(const wire::ScrubState& state) {
    cli::Table table(
        {{"path"}, {"inode", true}, {"offset", true}, {"bytes", true}, {"why"}, {"object"}});
    for (const wire::Damage& damage : state.found)
        table.add({cli::Cell(damage.path, name_of(damage)), Json(damage.ino), Json(damage.offset),
                   Json(damage.bytes), Json(damage.why), Json(damage.object)});
    return table;
}

}  // namespace

std::string report(const wire::ScrubState& state) {
    const std::string read = fmt::format("{} of {} objects were read, {}", state.segments,
                                         state.segments_total, format_size(state.bytes));
    if (state.damaged == 0) return fmt::format("{}: nothing is damaged\n", read);
    std::string text = table_of(state).text();
    if (state.damaged > state.found.size())
        text += fmt::format("and {} more\n", state.damaged - state.found.size());
    return text + fmt::format("{}: {} {} of files cannot be read\n", read, state.damaged,
                              state.damaged == 1 ? "range" : "ranges");
}

Json to_json(const wire::ScrubState& state) {
    return {{"segments", state.segments},
            {"bytes", state.bytes},
            {"frames", state.frames},
            {"damaged", state.damaged},
            {"found", table_of(state).json()}};
}

}  // namespace flexfs::scrub
