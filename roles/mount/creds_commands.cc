#include "roles/mount/creds_commands.h"

#include <unistd.h>

#include <cerrno>

#include "lib/base/format.h"
#include "lib/cli/prompt.h"
#include "lib/object/address.h"
#include "lib/options/option_table.h"
#include "lib/options/options.h"

namespace flexfs::mount {
namespace {

using object::Address;

Result<Address> bucket_of(const CredsCommand& command) {
    TRY(Address address, object::parse_address(command.address));
    if (address.is_bucket()) return address;
    return explain(EINVAL, fmt::format("{} is not a bucket, so it needs no credentials; write "
                                       "s3://BUCKET/PREFIX, gs://, oci:// or azure://",
                                       command.address));
}

std::string file_of(const CredsCommand& command, const Address& address) {
    return command.creds_file.empty() ? object::default_creds_file(address) : command.creds_file;
}

// Asks for what the kind of bucket needs and was not given.
Result<void> ask_for_secrets(const Address& address, conf::StoreSettings& settings) {
    const bool azure = address.kind == Address::Kind::azure;
    std::string& user = azure ? settings.account : settings.block_user;
    if (azure && user.empty()) user = address.settings.account;
    if (user.empty()) {
        TRY(user, cli::ask(azure ? "Account" : "Access key", cli::Echo::shown));
    }
    if (!settings.block_pass.empty() || !settings.sas_token.empty()) return {};
    TRY(settings.block_pass, cli::ask(azure ? "Account key" : "Secret key", cli::Echo::hidden));
    if (!settings.block_pass.empty()) return {};
    return explain(EINVAL, "the secret is empty");
}

Task<void> look_into(Loop& loop, Address address) {
    std::unique_ptr<object::Store> store = co_await object::open_store(loop, address);
    auto listed = co_await result(store->list("", "", 1));
    co_await store->close();
    co_await std::move(listed);
}

Result<void> init_creds(CredsCommand& command) {
    TRY(Address address, bucket_of(command));
    const std::string file = file_of(command, address);
    if (!command.force && ::access(file.c_str(), F_OK) == 0)
        return explain(EEXIST, fmt::format("{} exists; replace it with --force", file));
    const bool keyless = command.settings.anonymous == "true" ||
                         !command.settings.key_file.empty() || !command.settings.profile.empty();
    if (!keyless) TRY(ask_for_secrets(address, command.settings));
    conf::StoreSettings of_address = std::move(address.settings);
    address.settings = command.settings;
    address.settings.complete_from(of_address);
    if (!command.unchecked) {
        Loop loop;
        TRY(loop.run(look_into(loop, address)));
    }
    TRY(conf::save_creds(file, command.settings));
    fmt::print("{} has the credentials of {}\n", file, address.without_options());
    return {};
}

Result<void> deinit_creds(const CredsCommand& command) {
    TRY(const Address address, bucket_of(command));
    const std::string file = file_of(command, address);
    if (::unlink(file.c_str()) != 0) return fail_errno("cannot remove " + file);
    return {};
}

constexpr const char* init_details =
    "Secrets are asked for, or read from standard input, a line each: first the access\n"
    "key (or the account of Azure), unless it is given, then its secret. Without a\n"
    "creds file, the environment and the provider's own files and services are used:\n"
    "AWS_ACCESS_KEY_ID, ~/.aws, AZURE_STORAGE_KEY, GOOGLE_APPLICATION_CREDENTIALS, the\n"
    "metadata service of the machine, ...\n";

}  // namespace

std::vector<cli::Verb> creds_verbs(CredsCommand& command) {
    const cli::Argument address{"ADDRESS", cli::text(command.address, "ADDRESS"),
                                "the bucket, as it is given to mount: s3://BUCKET/PREFIX"};
    const cli::Flag file{"--credsFile", options::absolute_path_target(command.creds_file, "FILE"),
                         "the file (one in ~/.flexfs/mount/creds)"};
    cli::Verb init{.name = "init creds",
                   .summary =
                       "check the credentials of a bucket, and keep them in a file that "
                       "only this user can read",
                   .arguments = {address},
                   .flags = {file,
                             {"--force", cli::sets(command.force), "replace an existing file"},
                             {"--noCheck", cli::sets(command.unchecked),
                              "do not ask the bucket whether the credentials are valid"}},
                   .run = [&] { return cli::report(init_creds(command)); },
                   .details = init_details};
    for (cli::Flag& flag : options::store_flags(command.settings))
        init.flags.push_back(std::move(flag));
    return {std::move(init),
            {.name = "deinit creds",
             .summary = "remove the file with the credentials of a bucket",
             .arguments = {address},
             .flags = {file},
             .run = [&] { return cli::report(deinit_creds(command)); }}};
}

}  // namespace flexfs::mount
