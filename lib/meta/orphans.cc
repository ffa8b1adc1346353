#include "lib/meta/orphans.h"

namespace flexfs::meta {

void Orphans::add(Ino ino, SessionId session) {
    ++changes_;
    added_.emplace(ino, session);
}

Result<void> Orphans::erase(Statements& st, Ino ino, SessionId session) {
    ++changes_;
    if (added_.erase({ino, session}) > 0) return {};
    return st.orphan_erase.run(ino, session);
}

Result<std::vector<SessionId>> Orphans::holders(Statements& st, Ino ino) const {
    std::vector<SessionId> holders;
    for (auto at = added_.lower_bound({ino, 0}); at != added_.end() && at->first == ino; ++at)
        holders.push_back(at->second);
    if (!holders.empty()) return holders;  // all holders were added together
    db::Query query(st.orphan_holders, ino);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return holders;
        holders.push_back(query.number(0));
    }
}

Result<void> Orphans::write(Statements& st) {
    for (const auto& [ino, session] : added_) TRY(st.orphan_add.run(ino, session));
    added_.clear();
    return {};
}

}  // namespace flexfs::meta
