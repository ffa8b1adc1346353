#include "lib/cli/table.h"

#include <algorithm>

#include "lib/base/check.h"
#include "lib/base/format.h"

namespace flexfs::cli {
namespace {

// Returns the columns of UTF-8 text if every character has a width of one column.
std::size_t width_of(std::string_view text) {
    return std::size_t(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t width, bool right) {
    const std::string space(width - std::min(width, width_of(text)), ' ');
    return right ? space + std::string(text) : std::string(text) + space;
}

std::string key_of(std::string_view name) {
    std::string key;
    for (char c : name) key += c == ' ' ? "_" : c == '/' ? "_per_" : std::string(1, c);
    return key;
}

}  // namespace

void Table::add(std::vector<Cell> row) {
    check(row.size() == columns_.size());
    for (Cell& cell : row)
        for (char& c : cell.shown)
            if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = '?';
    rows_.push_back(std::move(row));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = width_of(columns_[i].name);
        for (const auto& row : rows_) width = std::max(width, width_of(row[i].shown));
        widths.push_back(width);
    }
    std::string out;
    const auto line = [&](auto&& shown) {
        std::string one;
        for (std::size_t i = 0; i < columns_.size(); ++i)
            one += (i ? "  " : "") + padded(shown(i), widths[i], columns_[i].right);
        one.erase(one.find_last_not_of(' ') + 1);
        out += one + "\n";
    };
    line([&](std::size_t i) -> std::string_view { return columns_[i].name; });
    for (const auto& row : rows_)
        line([&](std::size_t i) -> std::string_view { return row[i].shown; });
    return out;
}

Json Table::json() const {
    Json list = Json::array();
    for (const auto& row : rows_) {
        Json object = Json::object();
        for (std::size_t i = 0; i < columns_.size(); ++i)
            object[key_of(columns_[i].name)] = row[i].value;
        list.push_back(std::move(object));
    }
    return list;
}

}  // namespace flexfs::cli
