#include "lib/db/stmt.h"

#include <sqlite3.h>

#include <utility>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/db/db.h"

namespace flexfs::db {

Stmt::Stmt(Db& db, sqlite3_stmt* handle)
    : db_(&db), handle_(handle), writes_(!sqlite3_stmt_readonly(handle)) {}

Stmt::Stmt(Stmt&& other) noexcept
    : db_(other.db_), handle_(std::exchange(other.handle_, nullptr)), writes_(other.writes_) {}

Stmt& Stmt::operator=(Stmt&& other) noexcept {
    std::swap(db_, other.db_);
    std::swap(handle_, other.handle_);
    std::swap(writes_, other.writes_);
    return *this;
}

Stmt::~Stmt() {
    sqlite3_finalize(handle_);
}

void Stmt::bind(int at, std::int64_t value) {
    check(sqlite3_bind_int64(handle_, at, value) == SQLITE_OK);
}

void Stmt::bind(int at, std::string_view text) {
    const char* data = text.data() ? text.data() : "";  // a null pointer would bind NULL
    check(sqlite3_bind_text64(handle_, at, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
          SQLITE_OK);
}

void Stmt::bind(int at, ByteView bytes) {
    const void* data = bytes.data() ? static_cast<const void*>(bytes.data()) : "";
    check(sqlite3_bind_blob64(handle_, at, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
}

Result<bool> Stmt::step() {
    if (writes_) {
        ++db_->writes_;
        if (db_->fail_in_ > 0) [[unlikely]] {
            TRY(db_->injected(sqlite3_sql(handle_)));
        }
    }
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return fail(db_->fault(code, sqlite3_sql(handle_)));
}

Result<void> Stmt::finish() {
    Result<bool> row = step();
    while (row && *row) row = step();
    reset();
    if (!row) return std::unexpected(std::move(row.error()));
    return {};
}

void Stmt::reset() {
    sqlite3_reset(handle_);  // returns the error of the last step, which was reported already
}

std::int64_t Query::integer(int column) const {
    return sqlite3_column_int64(stmt_.handle_, column);
}

std::string_view Query::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(stmt_.handle_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.handle_, column))};
}

ByteView Query::blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(stmt_.handle_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.handle_, column))};
}

bool Query::null(int column) const {
    return sqlite3_column_type(stmt_.handle_, column) == SQLITE_NULL;
}

int Query::columns() const {
    return sqlite3_column_count(stmt_.handle_);
}

std::string Query::literal(int column) const {
    switch (sqlite3_column_type(stmt_.handle_, column)) {
        case SQLITE_NULL: return "NULL";
        case SQLITE_TEXT: return fmt::format("'{}'", text(column));
        case SQLITE_BLOB: return "x'" + to_hex(blob(column)) + "'";
        default: return std::to_string(integer(column));
    }
}

}  // namespace flexfs::db
