// When data is due: the files with dirty data in the order in which they are to leave, and the
// blocks that became wholly dirty.
#pragma once

#include <deque>
#include <list>
#include <unordered_map>

#include "lib/loop/loop.h"
#include "lib/vfs/nodes.h"

namespace flexfs::vfs {

class DirtyFiles {
public:
    struct Entry {
        NodeRef node;      // kept in the table as long as it is dirty
        Duration since{};  // by the loop's clock
    };
    struct FullBlock {
        NodeRef node;
        std::uint64_t idx = 0;
    };

    // `came` is woken when the first file comes. At most `full_blocks_max` are noted. All of them
    // must outlive it.
    DirtyFiles(Loop& loop, Nodes& nodes, task::WaitList& came, std::size_t full_blocks_max)
        : loop_(loop), nodes_(nodes), came_(came), full_blocks_max_(full_blocks_max) {}

    // --- files, the longest dirty first ---
    const std::list<Entry>& all() const { return entries_; }
    bool empty() const { return entries_.empty(); }
    // The file has dirty data. Does nothing if it had some already.
    void add(Node& node);
    // Data that has been dirty since then could not leave: it comes first.
    void put_back(const NodeRef& node, Duration since);
    // Takes the file off the list if nothing of it is dirty. Returns since when it was on it.
    Duration recheck(Node& node);
    // The first one becomes the last, dirty from now on.
    void postpone_first();
    // For how long the first one has been dirty.
    Duration oldest() const {
        return entries_.empty() ? Duration{} : loop_.now() - entries_.front().since;
    }
    void clear();

    // --- full blocks ---
    // Notes those that end in the written range and are wholly dirty. A writer that fills a block
    // from its middle is not noticed: its data leaves by age.
    void note_full_blocks(Node& node, Range written);
    std::size_t full_blocks() const { return full_.size(); }
    // The first ones, by file: what a parcel has of a file is one flight, for which the next one
    // would have to wait. They may no longer be dirty.
    std::vector<FullBlock> take_full_blocks(std::size_t most);

private:
    Loop& loop_;
    Nodes& nodes_;
    task::WaitList& came_;
    std::size_t full_blocks_max_;
    std::list<Entry> entries_;
    std::unordered_map<const Node*, std::list<Entry>::iterator> places_;
    std::deque<FullBlock> full_;
};

}  // namespace flexfs::vfs
