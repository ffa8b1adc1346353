// The one place where every change of a row that history keeps can be observed: inodes, names,
// extents, inline data and extended attributes.
//
// A change is reported where it is made, inside apply(), with the row before and after it and the
// time of its call. It is not reported when rows are written to the database, because the caches
// merge changes there and their timing is local to a machine. Changes are reported in an order that
// depends on the records alone, so two volumes that apply the same records report the same changes.
// Within one call an inode changes once, at the end of the call.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "lib/meta/entries.h"

namespace flexfs::meta {

struct NameRow {
    Ino folder = 0;
    std::uint64_t hash = 0;
    std::string name;
    Name to;
};
struct ExtentRow {
    Ino ino = 0;
    wire::Extent extent;
};
struct InlineRow {
    Ino ino = 0;
    Small small;
};
struct XattrRow {
    Ino ino = 0;
    std::string name;
    Buffer value;
};
using Row = std::variant<Inode, NameRow, ExtentRow, InlineRow, XattrRow>;

struct RowChange {
    std::optional<Row> before;  // empty: the row is new
    std::optional<Row> after;   // empty: the row is gone
    Time now = 0;               // of the call
};

// Called on the volume's own thread. An observer that writes to the volume's open transaction needs
// only changed(); one that keeps changes elsewhere needs the other functions, too.
class RowObserver {
public:
    virtual ~RowObserver() = default;
    virtual void changed(const RowChange& change) = 0;
    // The transaction with all changes so far is committed.
    virtual void committed() {}
    // The changes since the last committed() are undone. Those that still count are made, and
    // reported, again.
    virtual void rolled_back() {}
};

}  // namespace flexfs::meta
