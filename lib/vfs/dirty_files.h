// Decides when data is due: keeps the files with dirty data in the order in which they are to be
// written back, and the blocks that are completely dirty.
#pragma once

#include <deque>
#include <list>
#include <unordered_map>
#include <vector>

#include "lib/loop/loop.h"
#include "lib/vfs/nodes.h"

namespace flexfs::vfs {

class DirtyFiles {
public:
    struct Entry {
        NodeRef node;      // stays in the table while the file is dirty
        Duration since{};  // by the loop's clock
    };
    struct FullBlock {
        NodeRef node;
        std::uint64_t idx = 0;
    };

    // `came` is woken when the first file is added. At most `full_blocks_max` full blocks are kept.
    // All parameters must outlive this object.
    DirtyFiles(Loop& loop, Nodes& nodes, task::WaitList& came, std::size_t full_blocks_max)
        : loop_(loop), nodes_(nodes), came_(came), full_blocks_max_(full_blocks_max) {}

    // The file that has been dirty longest comes first.
    const std::list<Entry>& all() const { return entries_; }
    bool empty() const { return entries_.empty(); }
    Duration now() const { return loop_.now(); }
    // Adds a file that has dirty data. Does nothing if it is already listed.
    void add(Node& node);
    // Puts the file first, because data that has been dirty since `since` could not be written
    // back.
    void put_back(const NodeRef& node, Duration since);
    // Removes the file from the list if none of its data is dirty, and its noted blocks that are no
    // longer completely dirty. Returns since when the file was listed; now() if it was not.
    Duration recheck(Node& node);
    // Moves the first file to the end, as if it became dirty now.
    void postpone_first();
    // Returns for how long the first file has been dirty.
    Duration oldest() const {
        return entries_.empty() ? Duration{} : loop_.now() - entries_.front().since;
    }
    // Returns since when the first file has been dirty; Duration::max() if none is.
    Duration since() const { return entries_.empty() ? Duration::max() : entries_.front().since; }
    void clear();

    // Notes the blocks that end in the written range and are completely dirty. If a writer fills a
    // block starting from its middle, the block is not noticed, and its data is written back by
    // age.
    void note_full_blocks(Node& node, Range written);
    std::size_t full_blocks() const { return full_.size(); }
    // Returns the first noted blocks, grouped by file: the data of one file in a parcel is one
    // flight, and the file's next flight would have to wait for it. The blocks may no longer be
    // dirty.
    std::vector<FullBlock> take_full_blocks(std::size_t most);

private:
    std::vector<FullBlock> drop_full_blocks(const Node& node);

    Loop& loop_;
    Nodes& nodes_;
    task::WaitList& came_;
    std::size_t full_blocks_max_;
    std::list<Entry> entries_;
    std::unordered_map<const Node*, std::list<Entry>::iterator> places_;
    std::deque<FullBlock> full_;
};

}  // namespace flexfs::vfs
