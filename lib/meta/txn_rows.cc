// The part of a transaction that reports its changes to an observer.
#include "lib/meta/txn.h"

namespace flexfs::meta {
namespace {

std::optional<Row> row_of(const Entries::Place& at, const Name& to) {
    if (to.ino == 0) return std::nullopt;
    return NameRow{at.folder, at.hash, std::string(at.name), to};
}

std::optional<Row> row_of(Ino ino, const Small& small) {
    if (small.data.empty()) return std::nullopt;
    return InlineRow{ino, small};
}

bool are_equal(const Inode& a, const Inode& b) {
    return a.attr == b.attr && a.state == b.state && a.since == b.since;
}

}  // namespace

void Txn::report(std::optional<Row> before, std::optional<Row> after) {
    if (!before && !after) return;
    state_.observer->changed({std::move(before), std::move(after), now_});
}

void Txn::end_call() {
    for (const Ino ino : changed_inodes_) {
        const std::optional<Inode>& before = found_.at(ino);
        const Inode* after = state_.inodes.newer(ino).value();
        if (before && after && are_equal(*before, *after)) continue;
        report(before ? std::optional<Row>(*before) : std::nullopt,
               after ? std::optional<Row>(*after) : std::nullopt);
    }
    changed_inodes_.clear();
    found_.clear();
}

Name Txn::name_to_report(const Entries::Place& at) const {
    return observed() ? state_.entries.known(at).value_or(Name()) : Name();
}

void Txn::report_name(const Entries::Place& at, const Name& before) {
    if (observed()) report(row_of(at, before), row_of(at, state_.entries.known(at).value()));
}

// Reads the old row from the table; callers know only its key and its new state.
Result<void> Txn::report_extent(Ino ino, const wire::Extent& extent, bool stays) {
    if (!observed()) return {};
    std::optional<wire::Extent> before;
    {
        db::Query query(st_.extent_list, ino, extent.idx, extent.idx);
        while (!before) {
            TRY(const bool row, query.next());
            if (!row) break;
            const wire::Extent stored = extent_from(query);
            if (stored.seq == extent.seq) before = stored;
        }
    }
    if (!before) return {};
    report(ExtentRow{ino, *before},
           stays ? std::optional<Row>(ExtentRow{ino, extent}) : std::nullopt);
    return {};
}

Result<Small> Txn::inline_to_report(const Inode& inode) {
    return observed() ? load_inline(st_, inode) : Small();
}

void Txn::report_inline(const Inode& inode, const Small& before, const Small& after) {
    if (observed()) report(row_of(inode.attr.ino, before), row_of(inode.attr.ino, after));
}

Result<void> Txn::report_xattr(const Inode& inode, std::string_view name,
                               std::optional<ByteView> after) {
    if (!observed()) return {};
    TRY(std::optional<Buffer> before, load_xattr(st_, inode, name));
    const auto row = [&](Buffer value) -> Row {
        return XattrRow{inode.attr.ino, std::string(name), std::move(value)};
    };
    report(before ? std::optional(row(std::move(*before))) : std::nullopt,
           after ? std::optional(row(Buffer::copy_of(*after))) : std::nullopt);
    return {};
}

Result<void> Txn::report_no_xattrs(const Inode& inode) {
    if (!observed()) return {};
    std::vector<std::string> names;
    {
        db::Query query(st_.xattr_names, inode.attr.ino);
        for (;;) {
            TRY(const bool row, query.next());
            if (!row) break;
            names.emplace_back(query.text(0));
        }
    }
    for (const std::string& name : names) TRY(report_xattr(inode, name, std::nullopt));
    return {};
}

}  // namespace flexfs::meta
