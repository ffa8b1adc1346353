#include "lib/service/door.h"

#include <cerrno>
#include <set>

#include "lib/base/format.h"

namespace flexfs::service {

// Serves one client, from its first request until its connection ends.
class Door::Visitor final : public rpc::Serving<Visitor, wire::Metadata> {
public:
    Visitor(Door& door, rpc::Pusher<wire::Metadata>& client) : door_(door), client_(client) {}
    bool admitted() const override { return handler_ && handler_->admitted(); }

    Task<wire::Session> serve(rpc::Context context, wire::OpenSession request) {
        if (!handler_) {
            service::Service* const service = door_.find(request.volume);
            if (!service)
                return refused<wire::Session>(
                    ENOENT, fmt::format("the server has no volume \"{}\"", request.volume));
            handler_ = service->connected(client_);
        }
        return handler_->handle(context, std::move(request));
    }
    template <class R>
    Task<typename R::Reply> serve(rpc::Context context, R request) {
        if (!handler_) return refused<typename R::Reply>(ESTALE, "no session is open");
        return handler_->handle(context, std::move(request));
    }

private:
    template <class T>
    static Task<T> refused(int code, std::string why) {
        co_return fail(code, std::move(why));
    }

    Door& door_;
    rpc::Pusher<wire::Metadata>& client_;
    std::unique_ptr<rpc::Handler<wire::Metadata>> handler_;  // of the volume, once it is known
};

Result<void> Door::add(service::Service& service) {
    const wire::VolumeInfo& info = service.volume();
    for (const std::string& name : {info.id, info.name})
        if (!name.empty() && by_name_.contains(name))
            return fail(EEXIST, fmt::format("volume {} is already served", name));
    for (const std::string& name : {info.id, info.name})
        if (!name.empty()) by_name_.emplace(name, &service);
    return {};
}

void Door::remove(service::Service& service) {
    std::erase_if(by_name_, [&](const auto& row) { return row.second == &service; });
}

std::unique_ptr<rpc::Handler<wire::Metadata>> Door::connected(rpc::Pusher<wire::Metadata>& client) {
    return std::make_unique<Visitor>(*this, client);
}

service::Service* Door::find(const std::string& volume) const {
    if (!volume.empty()) {
        const auto known = by_name_.find(volume);
        return known == by_name_.end() ? nullptr : known->second;
    }
    std::set<service::Service*> all;
    for (const auto& [name, service] : by_name_) all.insert(service);
    return all.size() == 1 ? *all.begin() : nullptr;
}

}  // namespace flexfs::service
