// A 32-bit program that needs no C library. It lists the directory ".", seeks in it, and asks how
// large its filesystem is, with the system calls of such programs; it says what it cannot hold.
typedef unsigned int word;

static long call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

enum {
    sys_exit = 1,
    sys_write = 4,
    sys_open = 5,
    sys_lseek = 19,
    sys_statfs = 99,
    sys_getdents64 = 220
};

static void fail(const char* text) {
    word length = 0;
    while (text[length]) ++length;
    call(sys_write, 1, (long)text, (long)length);
    call(sys_exit, 1, 0, 0);
}

static char buffer[32768];

void _start(void) {
    if (call(sys_statfs, (long)".", (long)buffer, 0) != 0) fail("statfs\n");
    const long directory = call(sys_open, (long)".", 0200000, 0);
    if (directory < 0) fail("open\n");
    for (;;) {
        const long got = call(sys_getdents64, directory, (long)buffer, sizeof buffer);
        if (got < 0) fail("getdents64\n");
        if (got == 0) break;
        long last = 0;
        for (long at = 0; at < got;) {
            const word* entry = (const word*)(buffer + at);  // ino, off: two words each
            if (entry[3] != 0 || entry[2] > 0x7fffffff) fail("a position of more than 31 bits\n");
            last = (long)entry[2];
            at += *(const unsigned short*)(buffer + at + 16);
        }
        if (call(sys_lseek, directory, last, 0) != last) fail("lseek\n");
    }
    call(sys_exit, 0, 0, 0);
}
