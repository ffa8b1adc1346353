#include "lib/fuse/caller.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "lib/base/format.h"

namespace flexfs::fuse {
namespace {

// Room for a status file with the most groups that Linux allows a process, 65536.
constexpr std::size_t status_bytes_max = 1 << 20;

// Returns nothing if the file cannot be read.
std::string read_proc(std::uint32_t tid, const char* name) {
    std::string text;
    if (tid == 0) return text;
    const int file = ::open(fmt::format("/proc/{}/{}", tid, name).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return text;
    char piece[4096];
    while (text.size() < status_bytes_max) {
        const ssize_t got = ::read(file, piece, sizeof piece);
        if (got <= 0) break;
        text.append(piece, std::size_t(got));
    }
    ::close(file);
    return text;
}

// Returns the text after "NAME:" at the beginning of a line.
std::optional<std::string_view> line_of(std::string_view status, std::string_view name) {
    for (std::size_t at = 0; at < status.size();) {
        const std::size_t end = std::min(status.find('\n', at), status.size());
        const std::string_view line = status.substr(at, end - at);
        if (line.starts_with(name)) return line.substr(name.size());
        at = end + 1;
    }
    return std::nullopt;
}

template <class T>
std::optional<T> next_number(std::string_view& text, int base) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(std::size_t(end - text.data()));
    return value;
}

Caller caller_of(const Request& request) {
    if (auto known = parse_caller(read_proc(request.pid(), "status"))) return *known;
    return {{}, request.who().uid == 0};
}

// Returns true if the caller may not keep the setgid bit of a file of that group.
bool is_outsider(const Server& server, const Request& request, std::uint32_t gid) {
    const wire::Squash& squash = server.squash();
    if (squash.applies_to(request.who())) return squash.gid != gid;
    if (request.who().gid == gid) return false;
    const Caller caller = caller_of(request);
    return !caller.keeps_bits && !caller.is_in(gid);
}

Task<wire::Attr> attributes(Server& server, wire::Ino ino) {
    if (const wire::Attr* known = server.client().last_known(ino)) co_return *known;
    co_return (co_await server.client().getattr(ino)).attr;
}

bool is_mandatory(const wire::Attr& attr) {
    return (attr.mode & S_ISGID) && !(attr.mode & S_IXGRP);
}

}  // namespace

bool Caller::is_in(std::uint32_t gid) const {
    return std::ranges::find(groups, gid) != groups.end();
}

std::optional<Caller> parse_caller(std::string_view status) {
    auto groups = line_of(status, "Groups:"), capabilities = line_of(status, "CapEff:");
    if (!groups || !capabilities) return std::nullopt;
    Caller caller;
    const auto bits = next_number<std::uint64_t>(*capabilities, 16);
    if (!bits) return std::nullopt;
    caller.keeps_bits = *bits >> CAP_FSETID & 1;
    while (const auto gid = next_number<std::uint32_t>(*groups, 10)) caller.groups.push_back(*gid);
    return caller;
}

// Few files have such bits, so /proc is seldom read.
Task<vfs::Kill> kills(Server& server, const Request& request, wire::Ino ino) {
    const bool squashed = server.squash().applies_to(request.who());
    const wire::Attr attr = co_await attributes(server, ino);
    bool keeps = !squashed && request.who().uid == 0;
    if (!squashed && (attr.mode & (S_ISUID | S_ISGID))) keeps = caller_of(request).keeps_bits;
    if (keeps) co_return vfs::Kill();
    co_return vfs::Kill(true, is_mandatory(attr) && is_outsider(server, request, attr.gid));
}

Task<vfs::Kill> kills_by_word(Server& server, const Request& request) {
    const wire::Attr attr = co_await attributes(server, request.ino());
    co_return vfs::Kill(true, is_mandatory(attr) && is_outsider(server, request, attr.gid));
}

bool is_removing_xattr(const Request& request) {
    const std::string call = read_proc(request.pid(), "syscall");
    std::string_view rest = call;
    const auto number = next_number<long>(rest, 10);
    return number && (*number == SYS_removexattr || *number == SYS_lremovexattr ||
                      *number == SYS_fremovexattr);
}

}  // namespace flexfs::fuse
