#include "lib/vfs/paths.h"

namespace flexfs::vfs {
namespace {

constexpr int folders_max = 256;  // limits the length of a path in a message

}  // namespace

std::string path_of(Nodes& nodes, const NameCache& names, const Node& node) {
    std::string path;
    const Attr* attr = &node.attr();
    for (int depth = 0; depth < folders_max && attr->ino != wire::root_ino; ++depth) {
        const std::string name = names.name_of(attr->parent, attr->ino);
        if (name.empty()) return path.empty() ? path : "…" + path;
        path = "/" + name + path;
        if (attr->parent == wire::root_ino) return path;
        const Node* parent = nodes.find(attr->parent);
        if (!parent) break;
        attr = &parent->attr();
    }
    return "…" + path;
}

}  // namespace flexfs::vfs
