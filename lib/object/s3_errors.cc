// The meaning of the errors of the S3 API, those of its other implementations included.
#include <algorithm>
#include <cctype>
#include <cerrno>

#include "lib/object/s3_dialect.h"

namespace flexfs::object {
namespace {

constexpr std::string_view not_permitted =
    "the credentials ({credentials}) are not permitted to {action} {address}; the permission "
    "{permission} is missing";
constexpr std::string_view wrong_key =
    "{endpoint} does not know the access key; check the credentials ({credentials})";
constexpr std::string_view wrong_secret =
    "the secret key does not belong to the access key; check the credentials ({credentials})";
constexpr std::string_view wrong_token =
    "the session token has expired or is not valid; get new credentials ({credentials})";
constexpr std::string_view wrong_clock =
    "the clock of this machine differs too much from that of {endpoint}; set the clock";
constexpr std::string_view wrong_region =
    "{address} is in another region than its requests were sent to; give its region";
constexpr std::string_view no_bucket = "there is no bucket {address} at {endpoint}; create it";
constexpr std::string_view slow_down = "{endpoint} asks for fewer requests";
constexpr std::string_view failed = "{endpoint} failed";
constexpr std::string_view altered = "{endpoint} received other content than was sent";
constexpr std::string_view full = "there is no more space in {address}";
constexpr std::string_view quota = "the quota of {address} is used up";
constexpr std::string_view locked =
    "an object of {address} is under a retention or legal hold (object lock), so it cannot be "
    "replaced or deleted yet";
constexpr std::string_view suspended =
    "the account of the credentials is not allowed to use "
    "{endpoint}; ask its provider";
constexpr std::string_view refused = "{endpoint} refused a request as not valid";

constexpr ErrorRow rows[] = {
    {"AccessDenied", EACCES, Remedy::none, not_permitted},
    {"Forbidden", EACCES, Remedy::none, not_permitted},
    {"UserProjectMissing", EACCES, Remedy::none, not_permitted},
    {"AuthenticationRequired", EACCES, Remedy::renew, not_permitted},
    {"NotAuthenticated", EACCES, Remedy::renew, not_permitted},
    {"InvalidAccessKeyId", EACCES, Remedy::renew, wrong_key},
    {"InvalidSecurity", EACCES, Remedy::renew, wrong_key},
    {"SignatureDoesNotMatch", EACCES, Remedy::none, wrong_secret},
    {"ExpiredToken", EACCES, Remedy::renew, wrong_token},
    {"InvalidToken", EACCES, Remedy::renew, wrong_token},
    {"TokenRefreshRequired", EACCES, Remedy::renew, wrong_token},
    {"InvalidCredential", EACCES, Remedy::renew, wrong_token},
    {"RequestTimeTooSkewed", EACCES, Remedy::clock, wrong_clock},
    {"RequestExpired", EACCES, Remedy::clock, wrong_clock},
    {"AccountProblem", EACCES, Remedy::none, suspended},
    {"AllAccessDisabled", EACCES, Remedy::none, suspended},
    {"NotSignedUp", EACCES, Remedy::none, suspended},
    {"AccountDisabled", EACCES, Remedy::none, suspended},
    {"UserSuspended", EACCES, Remedy::none, suspended},
    {"ObjectLocked", EACCES, Remedy::none, locked},
    {"InvalidObjectState", EACCES, Remedy::none,
     "an object of {address} is in an archive; restore it, and keep the bucket's lifecycle rules "
     "from moving objects there"},

    {"NoSuchBucket", ENODEV, Remedy::none, no_bucket},
    {"NoSuchKey", ENOENT, Remedy::none, "there is no such object in {address}"},
    {"NoSuchVersion", ENOENT, Remedy::none, "there is no such object in {address}"},

    {"AuthorizationHeaderMalformed", EINVAL, Remedy::region, wrong_region},
    {"PermanentRedirect", EINVAL, Remedy::region, wrong_region},
    {"TemporaryRedirect", EINVAL, Remedy::region, wrong_region},
    {"Redirect", EINVAL, Remedy::region, wrong_region},
    {"IllegalLocationConstraintException", EINVAL, Remedy::region, wrong_region},
    {"InvalidRegion", EINVAL, Remedy::region, wrong_region},
    {"InvalidBucketName", EINVAL, Remedy::none, "{endpoint} allows no bucket of this name"},
    {"KeyTooLongError", EINVAL, Remedy::none, "the prefix of {address} is too long"},
    {"InvalidArgument", EINVAL, Remedy::none, refused},
    {"InvalidRequest", EINVAL, Remedy::none, refused},
    {"InvalidURI", EINVAL, Remedy::none, refused},
    {"InvalidEncryptionAlgorithmError", EINVAL, Remedy::none,
     "{endpoint} does not have the wanted encryption; change sse"},
    {"KMS.NotFoundException", EINVAL, Remedy::none,
     "{endpoint} does not know the key of the wanted encryption; change sse"},
    {"KMS.DisabledException", EACCES, Remedy::none,
     "the key of the encryption of {address} is disabled"},
    {"ChecksumRequired", EINVAL, Remedy::digest, refused},

    {"PreconditionFailed", EEXIST, Remedy::none, "the object is another by now"},
    {"ConditionalRequestConflict", EBUSY, Remedy::none, "another request changes the same object"},
    {"OperationAborted", EBUSY, Remedy::none, "another request changes the same object"},
    {"InvalidRange", ERANGE, Remedy::none, "the object ends before the wanted range"},
    {"EntityTooLarge", EFBIG, Remedy::none, "{endpoint} does not take objects as large"},
    {"NotImplemented", EOPNOTSUPP, Remedy::none, "{endpoint} cannot do what was asked for"},
    {"MethodNotAllowed", EOPNOTSUPP, Remedy::none, "{endpoint} cannot do what was asked for"},
    {"MalformedXML", EOPNOTSUPP, Remedy::none, "{endpoint} cannot do what was asked for"},
    {"MalformedPOSTRequest", EOPNOTSUPP, Remedy::none, "{endpoint} cannot do what was asked for"},

    {"QuotaExceeded", EDQUOT, Remedy::none, quota},
    {"XMinioAdminBucketQuotaExceeded", EDQUOT, Remedy::none, quota},
    {"StorageQuotaExceeded", EDQUOT, Remedy::none, quota},
    {"StorageLimitExceeded", EDQUOT, Remedy::none, quota},
    {"XMinioStorageFull", ENOSPC, Remedy::none, full},
    {"InsufficientStorage", ENOSPC, Remedy::none, full},

    {"SlowDown", EAGAIN, Remedy::throttle, slow_down},
    {"SlowDownRead", EAGAIN, Remedy::throttle, slow_down},
    {"SlowDownWrite", EAGAIN, Remedy::throttle, slow_down},
    {"Throttling", EAGAIN, Remedy::throttle, slow_down},
    {"ThrottlingException", EAGAIN, Remedy::throttle, slow_down},
    {"ThrottledException", EAGAIN, Remedy::throttle, slow_down},
    {"RequestThrottled", EAGAIN, Remedy::throttle, slow_down},
    {"RequestLimitExceeded", EAGAIN, Remedy::throttle, slow_down},
    {"RateLimitExceeded", EAGAIN, Remedy::throttle, slow_down},
    {"BandwidthLimitExceeded", EAGAIN, Remedy::throttle, slow_down},
    {"TooManyRequests", EAGAIN, Remedy::throttle, slow_down},
    {"ServiceUnavailable", EAGAIN, Remedy::throttle, slow_down},
    {"Busy", EAGAIN, Remedy::throttle, slow_down},
    {"InternalError", EIO, Remedy::none, failed},
    {"RequestTimeout", EIO, Remedy::none, "{endpoint} waited too long for a request"},
    {"IncompleteBody", EIO, Remedy::none, altered},
    {"BadDigest", EIO, Remedy::none, altered},
    {"InvalidDigest", EIO, Remedy::none, altered},
    {"XAmzContentSHA256Mismatch", EIO, Remedy::none, altered},
    {"XAmzContentChecksumMismatch", EIO, Remedy::none, altered},

    // Answers whose name is none of these.
    {"301", EINVAL, Remedy::region, wrong_region},
    {"307", EINVAL, Remedy::region, wrong_region},
    {"401", EACCES, Remedy::renew, not_permitted},
    {"403", EACCES, Remedy::none, not_permitted},
    {"405", EOPNOTSUPP, Remedy::none, "{endpoint} cannot do what was asked for"},
    {"412", EEXIST, Remedy::none, "the object is another by now"},
    {"416", ERANGE, Remedy::none, "the object ends before the wanted range"},
    {"501", EOPNOTSUPP, Remedy::none, "{endpoint} cannot do what was asked for"},
    {"507", ENOSPC, Remedy::none, full},
};

bool mentions(std::string_view text, std::string_view phrase) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
    };
    return !std::ranges::search(text, phrase, same).empty();
}

}  // namespace

std::span<const ErrorRow> S3Dialect::errors() const {
    return rows;
}

// Some errors are told apart by their message only.
std::string_view S3Dialect::refined_name(const Failure& failure, Purpose purpose) const {
    const std::string_view message = failure.message;
    const bool changes = purpose == Purpose::put || purpose == Purpose::remove;
    if (changes &&
        (mentions(message, "object lock") || mentions(message, "worm ") ||
         mentions(message, "retention") || mentions(message, "legal hold")) &&
        !mentions(message, "content-md5"))
        return "ObjectLocked";
    if (failure.name == "InvalidRequest" && mentions(message, "content-md5"))
        return "ChecksumRequired";
    // Some stores have no other name for a missing bucket or a redirect.
    if (failure.name == "BadRequest" && !failure.region.empty()) return "PermanentRedirect";
    return failure.name;
}

std::string_view S3Dialect::permission(Purpose purpose) const {
    struct Names {
        std::string_view s3, google, oracle;
    };
    // The last is needed to answer that an object is missing.
    constexpr Names names[] = {
        {"s3:GetObject (or, if the object is missing, s3:ListBucket)",
         "storage.objects.get (or, if the object is missing, storage.objects.list)", "OBJECT_READ"},
        {"s3:PutObject", "storage.objects.create or storage.objects.delete",
         "OBJECT_CREATE or OBJECT_OVERWRITE"},
        {"s3:DeleteObject", "storage.objects.delete", "OBJECT_DELETE"},
        {"s3:ListBucket", "storage.objects.list", "OBJECT_INSPECT"},
    };
    const Names& row = names[std::size_t(purpose)];
    if (google()) return row.google;
    return provider_ == S3Options::Provider::oracle ? row.oracle : row.s3;
}

}  // namespace flexfs::object
