"""The cases that test the servers themselves: functions below a sentence."""
import sys
import traceback

CASES = []


def case(name):
    def note(function):
        CASES.append((name, function))
        return function
    return note


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")


def raises(kind, function, *arguments, **more):
    """Returns the exception that the call must raise."""
    try:
        answer = function(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {answer!r}")


def run_cases():
    failed = 0
    for name, function in CASES:
        try:
            function()
            print(f"ok {name}", flush=True)
        except (Exception, SystemExit) as error:
            failed += 1
            print("    " + traceback.format_exc().replace("\n", "\n    "))
            print(f"not ok {name}: {error}", flush=True)
    sys.exit(1 if failed else 0)
