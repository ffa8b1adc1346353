// Going into the background, and telling those who wait that the mount is ready, or why it failed.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs::mount {

// Told once: the process that started us returns then, and systemd, where it asked to know.
class Readiness {
public:
    Readiness() = default;
    explicit Readiness(int pipe) : pipe_(pipe) {}
    void ready(const std::string& status);
    void failed(const std::string& sentence);

private:
    void tell(char verdict, const std::string& sentence);
    int pipe_ = -1;
};

// True where a service manager wants to hear of readiness; a daemon then stays in the foreground.
bool has_service_manager();
// Sends "STATE" as sd_notify(3) does; nothing without a service manager.
void notify_service_manager(const std::string& state);

// What became of go_to_background(): one process goes on as the daemon, the other is to exit.
struct Forked {
    bool daemon = false;
    Readiness readiness;   // of the daemon
    Result<void> outcome;  // of the parent: what the daemon told
};

// Forks. The daemon has a session of its own, / as its folder, and no terminal: its standard output
// and error go to `log_file`. The parent waits for the verdict. Before any thread is started.
Result<Forked> go_to_background(const std::string& log_file);

// Ends the process with status 1 when so much time has passed and it has not ended by itself,
// whatever hangs in it: its loop, or a store. Cannot be taken back.
void end_after(Duration patience);

}  // namespace flexfs::mount
