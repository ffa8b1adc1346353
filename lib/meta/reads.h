// The operations that only read. They read the State's database as the last transaction left it.
#pragma once

#include "lib/meta/state.h"

namespace flexfs::meta {

Result<wire::Entry> lookup(State& state, const wire::Lookup& request, bool with_data);
Result<wire::Entry> getattr(State& state, const wire::GetAttr& request, bool with_data);
Result<wire::Listing> readdir(State& state, const wire::ReadDir& request);
Result<wire::Target> readlink(State& state, const wire::ReadLink& request);
Result<wire::Value> getxattr(State& state, const wire::GetXattr& request);
Result<wire::Names> listxattr(State& state, const wire::ListXattr& request);
Result<wire::ExtentList> extents(State& state, const wire::Extents& request);
Result<wire::Done> access(State& state, const wire::Access& request, SessionId session);
Result<std::vector<SegmentState>> segments(State& state, SegmentId after, std::size_t limit);
wire::Statistics statfs(const State& state);

}  // namespace flexfs::meta
