// The state of one inode at a client: attributes, grant, links, and the data of a regular file.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "lib/vfs/file.h"
#include "lib/wire/messages.h"

namespace flexfs::vfs {

using wire::Attr;
using wire::Grant;
using wire::Ino;

class Node {
public:
    // A regular file gets a File.
    Node(const Attr& attr, std::uint32_t block_bytes);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    Ino ino() const { return attr_.ino; }
    // Null unless this is a regular file.
    File* file() { return file_.get(); }
    const File* file() const { return file_.get(); }

    // The service's last answer, with this client's commits.
    const Attr& attr() const { return attr_; }
    // The attributes as a program must see them now, with unsent changes.
    Attr stat() const;
    // attr() is valid as long as the grant is held.
    bool knows_attr() const { return attr_valid_ && grant_ != Grant::none; }
    void learn_attr(const Attr& answer);
    // Marks attr() as possibly outdated: the next operation that needs it asks the service.
    void doubt() { attr_valid_ = false; }
    // The server has newer attributes, or different names in the folder.
    void changed() {
        attr_valid_ = listed_ = false;
        ++changes_;
    }
    // Counts the changes of the inode and of the names in it.
    std::uint64_t changes() const { return changes_; }
    // Records that the kernel lists the folder. Returns true if it did so before and no name has
    // changed since.
    bool note_listed() { return std::exchange(listed_, true); }

    // The service has the flight's data: times and mode are those that it set.
    void committed(const Flight& flight);
    // The bytes that the file's data takes. If they are not exact, attr() is doubted.
    void learn_used(Stored::Used used);
    // A call of this client sets other times than those of the unsent writes. Returns the writes'
    // modification time; 0: there is none.
    Time replace_written_times();

    // The access time replaces attr().atime until it is sent, or until another one is set.
    void note_access(Time when) { unsent_atime_ = when; }
    void forget_access() { unsent_atime_ = 0; }
    void access_sent(Time when);

    Grant grant() const { return grant_; }
    bool is_exclusive() const { return grant_ == Grant::exclusive; }
    // Takes the grant of an answer. An exclusive grant ends only with its recall, whatever the
    // answer to another request says.
    void granted(Grant grant) {
        if (!is_exclusive()) grant_ = grant;
    }
    void lose_grant() { grant_ = Grant::none; }
    // Another client waits for the unsent data, so no write may add to it.
    bool is_recalled() const { return recalled_; }
    void recall() { recalled_ = true; }
    void end_recall() { recalled_ = false; }
    // Ends the recall: keeps `keep` at most. Without a grant the stored data is forgotten, and
    // attr() is doubted. The unsent data must have been sent.
    void give_back(Grant keep);

    // The last link is gone.
    bool is_orphan() const { return orphan_; }
    void set_orphan(bool orphan) { orphan_ = orphan; }
    // Its last user is gone, too, so it can never be read again.
    bool is_released() const { return released_; }
    void release() { released_ = true; }

    // Stamps of Nodes::next_stamp(); 0: none.
    // The last change.
    std::uint64_t changed_at() const { return changed_at_; }
    // The last change that may not be durable (see Flusher::sync).
    std::uint64_t undurable_at() const { return undurable_at_; }
    // The last change of data by this client that may not be durable.
    std::uint64_t data_stamp() const { return data_stamp_; }
    // Returns that stamp, and forgets it.
    std::uint64_t take_data_stamp() { return std::exchange(data_stamp_, 0); }
    void note_change(std::uint64_t stamp) { changed_at_ = undurable_at_ = stamp; }
    void note_data_change(std::uint64_t stamp, bool durable) {
        changed_at_ = stamp;
        if (!durable) undurable_at_ = data_stamp_ = stamp;
    }

    // Whether the kernel may keep the pages that it has of the file, which is opened now. `drops`
    // is Nodes::drops(): pages from before the last drop may be left if the inode was not in the
    // table then.
    bool may_keep_pages(std::uint64_t drops) { return std::exchange(opened_at_, drops) == drops; }
    // Called when a handle with these flags of open(2) is opened or closed.
    void opened(int flags);
    void closed(int flags);
    bool is_open() const { return handles_ > 0; }
    // Whether a handle is open for reading and writing, which a shared mapping requires.
    bool may_be_mapped() const { return mappers_ > 0; }

private:
    Attr attr_;
    std::unique_ptr<File> file_;
    Grant grant_ = Grant::none;
    bool attr_valid_ = false;
    bool listed_ = false;
    bool recalled_ = false;
    bool orphan_ = false;
    bool released_ = false;
    std::uint64_t changes_ = 0;
    std::uint64_t changed_at_ = 0;
    std::uint64_t undurable_at_ = 0;
    std::uint64_t data_stamp_ = 0;
    Time unsent_atime_ = 0;        // 0: none
    std::uint64_t opened_at_ = 0;  // the number of drops when it was last opened
    std::uint32_t handles_ = 0;
    std::uint32_t mappers_ = 0;
};

}  // namespace flexfs::vfs
