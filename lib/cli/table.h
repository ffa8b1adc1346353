// A listing: columns lined up for people, or an array of objects for programs (--json).
#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"

namespace flexfs::cli {

struct Column {
    std::string name;    // the heading; as JSON key "ops/s" is "ops_per_s" and "a b" is "a_b"
    bool right = false;  // numbers stand on the right
};

// The value for programs and how people see it, where that differs.
struct Cell {
    Cell(Json json) : value(std::move(json)) {
        shown = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
    }
    Cell(Json json, std::string text) : value(std::move(json)), shown(std::move(text)) {}

    Json value;
    std::string shown;
};

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // As many cells as columns. Control characters are shown as '?'.
    void add(std::vector<Cell> row);

    std::string text() const;  // with a line of headings
    Json json() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace flexfs::cli
