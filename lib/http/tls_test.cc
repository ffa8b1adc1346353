// TLS, against the server that comes with OpenSSL.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "lib/base/check.h"
#include "lib/base/scratch_test.h"
#include "lib/http/script_test.h"

extern char** environ;

namespace flexfs::http {
namespace {

// Starts `openssl` with the arguments; `out` is where its output goes.
pid_t spawn_openssl(std::vector<std::string> arguments, int out) {
    std::vector<char*> argv{const_cast<char*>("openssl")};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out, 1);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int code = ::posix_spawnp(&pid, "openssl", &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    REQUIRE_MESSAGE(code == 0, "the tests need the program openssl");
    return pid;
}

// A key and a certificate for `name`, signed by itself.
struct Certificate {
    TestFolder folder;
    std::string key = folder.path() + "/key";
    std::string pem = folder.path() + "/pem";

    explicit Certificate(const std::string& name) {
        const pid_t pid = spawn_openssl(
            {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-subj", "/CN=test", "-addext", "subjectAltName=" + name, "-keyout", key, "-out", pem},
            1);
        int status = -1;
        check(::waitpid(pid, &status, 0) == pid && status == 0);
    }
};

// Answers every request with a page about the connection.
struct TlsServer {
    pid_t pid = -1;
    std::string address;

    explicit TlsServer(const Certificate& of, std::vector<std::string> more = {}) {
        int ends[2];
        check(::pipe2(ends, O_CLOEXEC) == 0);
        std::vector<std::string> arguments{"s_server", "-accept", "127.0.0.1:0", "-key",
                                           of.key,     "-cert",   of.pem,        "-www"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        pid = spawn_openssl(std::move(arguments), ends[1]);
        ::close(ends[1]);
        std::string text;
        char c = 0;
        while (::read(ends[0], &c, 1) == 1 && !(c == '\n' && text.contains("ACCEPT")))
            text = c == '\n' ? "" : text + c;
        ::close(ends[0]);
        REQUIRE(text.starts_with("ACCEPT "));
        address = text.substr(7);
    }
    ~TlsServer() {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
};

Result<Response> get(const std::string& url, std::string ca_cert) {
    Loop loop;
    Client client(loop, {.ca_cert = std::move(ca_cert)});
    auto outcome = loop.run(client.send({.url = url}));
    CHECK(loop.run(client.close()));
    return outcome;
}

}  // namespace

TEST_CASE("a certificate is trusted if ca_cert or the system's certificates vouch for it") {
    const Certificate certificate("IP:127.0.0.1");
    const TlsServer server(certificate);
    const std::string url = "https://" + server.address + "/?secret";

    const auto trusted = get(url, certificate.pem);
    REQUIRE_MESSAGE(trusted, trusted.error().message());
    CHECK(trusted->status == 200);
    CHECK(trusted->body.text().contains("TLSv1."));
    const auto untrusted = get(url, "");
    CHECK(untrusted.error().code == EACCES);
    CHECK(untrusted.error().message() ==
          "the certificate of " + server.address + " is not trusted: self-signed certificate");
    const auto no_file = get(url, "/nonexistent");
    CHECK(no_file.error().code == EACCES);
    CHECK(no_file.error().message().contains("/nonexistent"));
}

TEST_CASE("a certificate of another name is not trusted") {
    const Certificate certificate("DNS:elsewhere.invalid");
    const TlsServer server(certificate);

    const auto outcome = get("https://" + server.address, certificate.pem);
    CHECK(outcome.error().code == EACCES);
    CHECK(outcome.error().message() == "the certificate of " + server.address +
                                           " is not trusted: no alternative certificate " +
                                           "subject name matches target host name '127.0.0.1'");
}

TEST_CASE("TLS before 1.2 is not accepted, and a peer without TLS is EPROTO") {
    const Certificate certificate("IP:127.0.0.1");
    const TlsServer old(certificate, {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"});
    CHECK(get("https://" + old.address, certificate.pem).error().code == EPROTO);

    Meeting meeting([](Talk& talk) -> Task<void> {
        co_await talk.read_more();
        co_await talk.say("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    const auto plain = meeting.ask({.url = "https://" + meeting.server.address() + "/?secret"});
    CHECK(plain.error().code == EPROTO);
    CHECK(plain.error().message().contains("TLS handshake"));
    CHECK_FALSE(plain.error().message().contains("secret"));
}

TEST_CASE("a connection that ends in the TLS handshake is ECONNRESET") {
    Meeting meeting([](Talk& talk) -> Task<void> { co_await talk.read_more(); });

    const auto outcome = meeting.ask({.url = "https://" + meeting.server.address()});
    CHECK(outcome.error().code == ECONNRESET);
    CHECK(outcome.error().message().contains("closed the connection in the TLS handshake"));
}

}  // namespace flexfs::http
