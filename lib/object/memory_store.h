// Keeps objects in memory, for tests; they are lost when the process ends. Answers at once.
#pragma once

#include <map>

#include "lib/object/store.h"

namespace flexfs::object {

class MemoryStore final : public Store {
public:
    // A put fails with ENOSPC if the objects together would exceed `capacity` bytes; 0 means no
    // limit.
    explicit MemoryStore(std::uint64_t capacity = 0) : capacity_(capacity) {}

    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<void> remove(std::vector<std::string> keys) override;
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;
    Task<Versioned> get_versioned(std::string key) override;
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override;
    Task<Space> space() override;
    Counters counters() const override { return counters_; }
    std::string describe() const override { return "memory"; }

private:
    struct Object {
        Buffer data;
        Time modified;
        std::uint64_t version = 0;
    };
    Result<const Object*> find(const std::string& key) const;

    std::map<std::string, Object> objects_;
    std::uint64_t capacity_;
    std::uint64_t bytes_ = 0;
    std::uint64_t versions_ = 0;  // given to objects so far
    Counters counters_;
};

}  // namespace flexfs::object
