// A listing: aligned columns for people, or an array of objects for programs (--json).
#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"

namespace flexfs::cli {

struct Column {
    std::string name;    // the heading; as JSON key "ops/s" is "ops_per_s" and "a b" is "a_b"
    bool right = false;  // numbers are aligned right
};

// The value for programs, and the text for people if it differs.
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

    // `row` has as many cells as there are columns. Control characters are shown as '?'.
    void add(std::vector<Cell> row);

    std::string text() const;  // begins with a line of headings
    Json json() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace flexfs::cli
