#include "lib/meta/inspect.h"

#include "lib/base/format.h"

namespace flexfs::meta {
namespace {

Result<std::vector<std::string>> tables(db::Db& db) {
    TRY(db::Stmt stmt, db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name "
                                  "NOT LIKE 'sqlite_%' ORDER BY name"));
    std::vector<std::string> names;
    db::Query query(stmt);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return names;
        names.emplace_back(query.text(0));
    }
}

// Relies on the key being the first columns of every table.
Result<void> dump_table(db::Db& db, const std::string& table, std::string& out) {
    TRY(db::Stmt columns,
        db.prepare(fmt::format("SELECT max(pk) FROM pragma_table_info('{}')", table)));
    std::string order = "1";
    {
        db::Query query(columns);
        TRY(query.next());
        for (std::int64_t at = 2; at <= query.integer(0); ++at) order += ", " + std::to_string(at);
    }
    TRY(db::Stmt stmt, db.prepare(fmt::format("SELECT * FROM {} ORDER BY {}", table, order)));
    db::Query query(stmt);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return {};
        // The progress of copying the journal is not part of the state.
        if (table == "counter" && query.text(0) == "batch") continue;
        out += table;
        for (int column = 0; column < query.columns(); ++column) out += ' ' + query.literal(column);
        out += '\n';
    }
}

}  // namespace

Result<std::string> dump(State& state) {
    std::string out;
    TRY(const std::vector<std::string> names, tables(*state.db));
    for (const std::string& name : names) TRY(dump_table(*state.db, name, out));
    const Counters& c = state.counters;
    out += fmt::format("memory next_ino {} inodes {} used_bytes {} sessions {} ended {}\n",
                       c.next_ino, c.inodes(), c.used_bytes, state.sessions->open.size(),
                       state.sessions->ended.size());
    return out;
}

Result<std::vector<std::string>> scans(State& state) {
    std::vector<std::string> found;
    for (const StatementRow& row : statement_rows()) {
        TRY(const std::string plan, state.db->plan(row.sql));
        const bool sorts = plan.find("TEMP B-TREE") != plan.npos;
        if (sorts || plan.find("SCAN") != plan.npos)
            found.push_back(fmt::format("{}: {}", row.name, plan));
    }
    return found;
}

}  // namespace flexfs::meta
