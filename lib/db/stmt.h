// A prepared statement and a query over it. Statements are prepared once and kept; a Query borrows
// one for a moment.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

struct sqlite3_stmt;

namespace flexfs::db {

class Db;

// Owned by the object that prepared it; must be destroyed before its Db. Only one Query may run on
// it at a time.
class Stmt {
public:
    Stmt() = default;
    Stmt(Stmt&& other) noexcept;
    Stmt& operator=(Stmt&& other) noexcept;
    ~Stmt();

    // Runs the statement to its end. Fails with the errors of Db; EEXIST: the row exists already.
    template <class... Values>
    Result<void> run(const Values&... values) {
        int at = 0;
        (bind(++at, values), ...);
        return finish();
    }

private:
    friend class Db;
    friend class Query;
    Stmt(Db& db, sqlite3_stmt* handle);

    // Text and blobs are borrowed until the statement is reset.
    void bind(int at, std::int64_t value);
    void bind(int at, std::string_view text);
    void bind(int at, ByteView bytes);
    template <std::integral T>
    void bind(int at, T value) {
        bind(at, static_cast<std::int64_t>(value));  // unsigned values keep their bits
    }
    Result<bool> step();
    Result<void> finish();
    void reset();

    Db* db_ = nullptr;
    sqlite3_stmt* handle_ = nullptr;
    bool writes_ = false;
};

// The rows of one execution. Resets the statement when it goes out of scope. Columns count from 0
// and may be read after next() returned true; text and blobs are valid until the following next().
class Query {
public:
    template <class... Values>
    explicit Query(Stmt& stmt, const Values&... values) : stmt_(stmt) {
        int at = 0;
        (stmt_.bind(++at, values), ...);
    }
    ~Query() { stmt_.reset(); }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // Returns false if there is no further row.
    Result<bool> next() { return stmt_.step(); }

    std::int64_t integer(int column) const;
    std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    template <std::integral T>
    T as(int column) const {
        return static_cast<T>(integer(column));
    }
    std::string_view text(int column) const;
    ByteView blob(int column) const;
    bool null(int column) const;
    int columns() const;
    // Returns the value as SQL would write it; for dumps.
    std::string literal(int column) const;

private:
    Stmt& stmt_;
};

}  // namespace flexfs::db
