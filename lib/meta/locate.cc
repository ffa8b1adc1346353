#include "lib/meta/locate.h"

#include <optional>

namespace flexfs::meta {
namespace {

constexpr int depth_max = 4096;  // a damaged database may have a circle

struct Named {
    Ino parent = 0;
    std::string name;
};

Result<std::optional<Named>> first_row(State& state, const char* sql, auto... values) {
    TRY(db::Stmt stmt, state.db->prepare(sql));
    db::Query query(stmt, values...);
    TRY(const bool found, query.next());
    if (!found) return std::optional<Named>{};
    return std::optional(Named{query.number(0), std::string(query.text(1))});
}

// The parent that an inode remembers is that of one of its names, as long as that exists.
Result<std::optional<Named>> name_of(State& state, Ino ino) {
    TRY(auto named, first_row(state,
                              "SELECT parent, name FROM dentry WHERE ino = ?1 AND parent = "
                              "(SELECT parent FROM inode WHERE ino = ?1) LIMIT 1",
                              ino));
    if (named) return named;
    return first_row(state, "SELECT parent, name FROM dentry WHERE ino = ?1 LIMIT 1", ino);
}

}  // namespace

Result<bool> find_uses(State& state, const std::set<SegmentId>& segments, Ino& after,
                       std::size_t rows, std::vector<FrameUse>& into) {
    TRY(db::Stmt stmt, state.db->prepare("SELECT segment, pos, ino, idx, off, len FROM extent "
                                         "WHERE ino > ?1 ORDER BY ino, idx, seq"));
    db::Query query(stmt, after);
    for (std::size_t read = 0;; ++read) {
        TRY(const bool found, query.next());
        if (!found) return false;
        const Ino ino = query.number(2);
        // The extents of an inode are read together.
        if (read >= rows && ino != after) return true;
        after = ino;
        if (!segments.contains(query.number(0))) continue;
        into.push_back({query.number(0), query.as<std::uint32_t>(1), ino, query.number(3),
                        query.as<std::uint32_t>(4), query.as<std::uint32_t>(5)});
    }
}

Result<std::string> path_of(State& state, Ino ino) {
    std::string path;
    for (int depth = 0; ino != wire::root_ino; ++depth) {
        TRY(const auto named, name_of(state, ino));
        if (!named || depth == depth_max) return std::string();
        path.insert(0, "/" + named->name);
        ino = named->parent;
    }
    return path.empty() ? "/" : path;
}

}  // namespace flexfs::meta
