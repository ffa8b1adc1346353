// Goes into the background, and reports readiness, or the reason of a failure, to the process that
// started this one.
#pragma once

#include <functional>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/base/time.h"

namespace flexfs::process {

// Reports once, to the parent process and to the service manager.
class Readiness {
public:
    Readiness() = default;  // no parent waits
    explicit Readiness(Descriptor pipe) : pipe_(std::move(pipe)) {}
    void ready(const std::string& status);
    void failed(const Error& why);

private:
    void report(const std::string& verdict);
    Descriptor pipe_;
};

// Reads the verdict from the pipe: success, the error that was reported, or EPIPE with a sentence
// if the daemon ended without a report.
Result<void> await_verdict(const Descriptor& pipe);

// True if a service manager waits for readiness; a daemon then stays in the foreground.
bool has_service_manager();
// Sends `state` as sd_notify(3) does; does nothing without a service manager.
void notify_service_manager(const std::string& state);

// The result of go_to_background(), which returns in two processes.
struct Forked {
    bool daemon = false;
    Readiness readiness;   // of the daemon
    Result<void> outcome;  // of the parent: what the daemon reported
};

using WhySlow = std::function<std::string(pid_t daemon)>;

// Forks. The daemon has its own session, / as its working folder and no terminal; its standard
// output and error are appended to `log_file`. The parent waits for the verdict; EOWNERDEAD: it was
// killed. Call it before any thread is started. If the daemon is not ready after two seconds, a
// sentence from `why_slow`, unless it is empty, is printed on standard error.
Result<Forked> go_to_background(const std::string& log_file, const WhySlow& why_slow = {});

// Ends the process with status 1 after `patience`, even if something in it hangs. Cannot be undone.
void end_after(Duration patience);

}  // namespace flexfs::process
