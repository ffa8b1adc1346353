// The path of an inode, for messages.
#pragma once

#include <string>

#include "lib/vfs/names.h"
#include "lib/vfs/nodes.h"

namespace flexfs::vfs {

// Returns "/folder/file"; "…/file" if the name of a folder is not known; "" if the name of the file
// is not known. Only cached names are used. Linear in their number.
std::string path_of(Nodes& nodes, const NameCache& names, const Node& node);

}  // namespace flexfs::vfs
