// Replaces the image of a running process by the program that is at its path now: the same program,
// or an upgrade. The process id and the descriptors that it hands over stay.
#pragma once

#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/loop/loop.h"

namespace flexfs::process {

// The answer of a program that can take over.
inline constexpr std::string_view takeover_consent = "flexfs can take over\n";

// The flags that pass the descriptor of the hand-over to the next image: the first asks whether it
// could continue from there, the second makes it continue.
inline constexpr const char* check_takeover_flag = "--checkTakeover";
inline constexpr const char* takeover_flag = "--handover";

struct Handover {
    std::vector<std::string> command;  // argv of the next image, without one of the flags above
    Buffer state;                      // read by the next image from the descriptor
    std::vector<int> kept;             // further descriptors that stay open
};

// Returns the command with one of the flags above.
std::vector<std::string> takeover_command(std::vector<std::string> command, const char* flag,
                                          int memory);

// The process to be replaced, as the restarter sees it.
class Restartable {
public:
    virtual ~Restartable() = default;
    // True once the process is stopping; then it is not replaced.
    virtual bool stopping() const = 0;
    // Checks whether the program's file can be read while no process serves. Called on a pool
    // thread.
    virtual Result<void> check_program(const std::string& program) const = 0;
    // Writes back data that the next image would not know about. May be called while requests are
    // served.
    virtual Task<void> store() = 0;
    // Returns how much store() has left to do, for people: "3.0 MiB".
    virtual std::string unstored() const = 0;
    // Stops taking requests; ends when those in progress are answered.
    virtual Task<void> pause() = 0;
    // Takes requests again, even if pause() did not end.
    virtual void go_on() = 0;
    // Returns everything that the next image needs. `own_program` is a descriptor of the present
    // program, to return to if the next one cannot continue; -1: the next image is only asked
    // whether it could take over.
    virtual Handover hand_over(int own_program) = 0;
};

class Restarter {
public:
    // `program` is the path of the next image. All parameters must outlive the restarter.
    Restarter(Loop& loop, Restartable& process, std::string program)
        : loop_(loop), process_(process), program_(std::move(program)) {}

    const std::string& program() const { return program_; }
    // Does not return if it succeeds: the next image answers. Otherwise the process continues as
    // before, and the reason, a sentence, is returned. ECANCELED: the caller was stopped in time.
    Task<std::string> restart();

private:
    Task<void> attempt();
    Task<void> go_over();
    Task<void> check_next(Handover handover);
    Task<void> store(Duration patience);
    Task<void> stand_still();
    Result<void> replace();

    Loop& loop_;
    Restartable& process_;
    const std::string program_;
    bool running_ = false;
};

}  // namespace flexfs::process
