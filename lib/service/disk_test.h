// A disk that loses at a power cut what was not synced.
#pragma once

#include <mutex>

#include "lib/base/durable.h"
#include "lib/service/fixture_test.h"

namespace flexfs::service {

// Keeps a copy of the volume's files as they were at the last sync.
struct Disk final : SyncProbe {
    std::filesystem::path folder, kept;
    std::mutex mutex;

    explicit Disk(const std::string& of) : folder(of), kept(of + "-disk") {
        install_sync_probe(this);
    }
    ~Disk() override {
        install_sync_probe(nullptr);
        std::filesystem::remove_all(kept);
    }
    int sync(const std::string&) override {
        const std::lock_guard lock(mutex);
        copy(folder, kept);
        return 0;
    }
    static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
        std::filesystem::create_directory(to);
        for (const char* name : {"meta.db", "meta.db-wal", "meta.db-calls.0", "meta.db-calls.1"}) {
            std::filesystem::remove(to / name);
            if (std::filesystem::exists(from / name))
                std::filesystem::copy_file(from / name, to / name);
        }
    }
    // Ends the service; what was written since the last sync is lost.
    void cut_power(Fixture& f) {
        const std::filesystem::path last = folder.string() + "-last";
        copy(kept, last);
        f.close();
        copy(last, folder);
        std::filesystem::remove_all(last);
        f.open();
    }
};

}  // namespace flexfs::service
