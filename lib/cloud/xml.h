// XML that a provider sent: elements found by name, and their text. The gate for pugixml.
//
// Names are compared without a namespace prefix. Entities of the document's own are not expanded.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace pugi {
class xml_document;
struct xml_node_struct;
}  // namespace pugi

namespace flexfs::cloud {

// Bounds of a document, and thereby of the memory that it takes: about 100 bytes for each tag.
struct XmlLimits {
    std::size_t bytes_max = 8 << 20;
    std::size_t tags_max = 500'000;  // opening and closing ones
};

// An element of an Xml, which must outlive it; or none, in which nothing is found.
class XmlElement {
public:
    XmlElement() = default;
    explicit XmlElement(pugi::xml_node_struct* node) : node_(node) {}

    explicit operator bool() const { return node_ != nullptr; }
    std::string_view name() const;
    // Returns the text that is directly inside the element, without trimming it.
    std::string text() const;
    // Returns the first child of the name.
    XmlElement child(std::string_view name) const;
    // Returns the text of the first child of the name; nothing if there is none.
    std::optional<std::string> child_text(std::string_view name) const;
    std::vector<XmlElement> children(std::string_view name) const;

private:
    pugi::xml_node_struct* node_ = nullptr;
};

class Xml {
public:
    // EPROTO with a sentence: the text is no XML document, or exceeds a limit.
    static Result<Xml> parse(std::string_view text, XmlLimits limits = {});
    Xml(Xml&&) noexcept;
    Xml& operator=(Xml&&) noexcept;
    ~Xml();

    XmlElement root() const;

private:
    explicit Xml(std::unique_ptr<pugi::xml_document> document);

    std::unique_ptr<pugi::xml_document> document_;
};

}  // namespace flexfs::cloud
