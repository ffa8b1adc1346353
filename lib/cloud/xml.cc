#include "lib/cloud/xml.h"

#include <algorithm>
#include <cerrno>
#include <pugixml.hpp>

#include "lib/base/format.h"

namespace flexfs::cloud {
namespace {

std::string_view without_prefix(std::string_view name) {
    const auto colon = name.rfind(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool is_element(const pugi::xml_node& node, std::string_view name) {
    return node.type() == pugi::node_element && without_prefix(node.name()) == name;
}

}  // namespace

std::string_view XmlElement::name() const {
    return without_prefix(pugi::xml_node(node_).name());
}

std::string XmlElement::text() const {
    std::string all;
    for (const pugi::xml_node part : pugi::xml_node(node_).children())
        if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata)
            all += part.value();
    return all;
}

XmlElement XmlElement::child(std::string_view name) const {
    for (const pugi::xml_node child : pugi::xml_node(node_).children())
        if (is_element(child, name)) return XmlElement(child.internal_object());
    return {};
}

std::optional<std::string> XmlElement::child_text(std::string_view name) const {
    const XmlElement found = child(name);
    if (!found) return std::nullopt;
    return found.text();
}

std::vector<XmlElement> XmlElement::children(std::string_view name) const {
    std::vector<XmlElement> found;
    for (const pugi::xml_node child : pugi::xml_node(node_).children())
        if (is_element(child, name)) found.emplace_back(child.internal_object());
    return found;
}

Result<Xml> Xml::parse(std::string_view text, XmlLimits limits) {
    if (text.size() > limits.bytes_max)
        return explain(EPROTO, fmt::format("the XML has {} bytes, more than {}", text.size(),
                                           limits.bytes_max));
    const auto tags = std::size_t(std::ranges::count(text, '<'));
    if (tags > limits.tags_max)
        return explain(EPROTO,
                       fmt::format("the XML has {} tags, more than {}", tags, limits.tags_max));
    // The parser would take it for the end of the text.
    if (text.contains('\0')) return explain(EPROTO, "the XML has a zero byte");
    auto document = std::make_unique<pugi::xml_document>();
    const auto parsed = document->load_buffer(text.data(), text.size(),
                                              pugi::parse_default | pugi::parse_ws_pcdata_single,
                                              pugi::encoding_utf8);
    if (!parsed)
        return explain(EPROTO, fmt::format("this is not XML: {} at byte {}", parsed.description(),
                                           parsed.offset));
    return Xml(std::move(document));
}

Xml::Xml(std::unique_ptr<pugi::xml_document> document) : document_(std::move(document)) {}
Xml::Xml(Xml&&) noexcept = default;
Xml& Xml::operator=(Xml&&) noexcept = default;
Xml::~Xml() = default;

XmlElement Xml::root() const {
    return XmlElement(document_->document_element().internal_object());
}

}  // namespace flexfs::cloud
