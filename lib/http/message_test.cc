#include "lib/http/message.h"

#include <doctest/doctest.h>

namespace flexfs::http {

TEST_CASE("names of headers are compared without case, and set replaces all of a name") {
    Headers headers{{"ETag", "1"}, {"Via", "a"}, {"VIA", "b"}};

    CHECK(headers.find("etag") == "1");
    CHECK(headers.find("via") == "a");
    CHECK(headers.find("ETags") == std::nullopt);
    headers.set("Via", "c");
    headers.add("Via", "d");
    std::string all;
    for (const Header& header : headers) all += header.name + "=" + header.value + " ";
    CHECK(all == "ETag=1 Via=c Via=d ");
}

}  // namespace flexfs::http
