// Cancellation. A StopSource requests it; then the waits of all tasks that were started with it end
// with ECANCELED, as do those of the tasks that these await.
#pragma once

namespace flexfs::task {

class StopSource;

// Called once when a stop is requested. Its destructor leaves the source.
class StopHook {
public:
    StopHook() = default;
    StopHook(const StopHook&) = delete;
    StopHook& operator=(const StopHook&) = delete;

    void join(StopSource& source);
    void leave();

protected:
    ~StopHook() { leave(); }

private:
    friend class StopSource;
    virtual void stopped() = 0;

    StopSource* source_ = nullptr;
    StopHook* before_ = nullptr;
    StopHook* after_ = nullptr;
};

// Must outlive the tasks that were started with it.
class StopSource {
public:
    StopSource() = default;
    StopSource(const StopSource&) = delete;
    StopSource& operator=(const StopSource&) = delete;
    ~StopSource();

    bool requested() const { return requested_; }
    // Calls every hook. A second call does nothing.
    void request();

private:
    friend class StopHook;
    StopHook* hooks_ = nullptr;
    bool requested_ = false;
};

}  // namespace flexfs::task
