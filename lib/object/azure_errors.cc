// The meaning of the errors of Azure's Blob service.
#include <cerrno>

#include "lib/object/azure_dialect.h"

namespace flexfs::object {
namespace {

constexpr std::string_view not_permitted =
    "the credentials ({credentials}) are not permitted to {action} {address}; the permission "
    "{permission} is missing";
constexpr std::string_view wrong_key =
    "the key or signature does not belong to the account of {endpoint}; check the credentials "
    "({credentials})";
constexpr std::string_view wrong_token =
    "the token or signature has expired or is not valid; get a new one ({credentials})";
constexpr std::string_view wrong_clock =
    "the clock of this machine differs too much from that of {endpoint}; set the clock";
constexpr std::string_view no_container =
    "there is no container {address} at {endpoint}; create it";
constexpr std::string_view locked =
    "an object of {address} is under an immutability policy, legal hold or lease, so it cannot be "
    "replaced or deleted yet";
constexpr std::string_view changed = "the object is another by now";
constexpr std::string_view slow_down = "{endpoint} asks for fewer requests";
constexpr std::string_view failed = "{endpoint} failed";
constexpr std::string_view altered = "{endpoint} received other content than was sent";
constexpr std::string_view cannot = "{endpoint} cannot do what was asked for";
constexpr std::string_view refused = "{endpoint} refused a request as not valid";

constexpr ErrorRow rows[] = {
    {"AuthenticationFailed", EACCES, Remedy::none, wrong_key},
    {"WrongClock", EACCES, Remedy::clock, wrong_clock},
    {"ExpiredSignature", EACCES, Remedy::renew, wrong_token},
    {"InvalidAuthenticationInfo", EACCES, Remedy::renew, wrong_token},
    {"NoAuthenticationInformation", EACCES, Remedy::renew, wrong_token},
    {"AuthorizationFailure", EACCES, Remedy::none, not_permitted},
    {"AuthorizationPermissionMismatch", EACCES, Remedy::none, not_permitted},
    {"AuthorizationResourceTypeMismatch", EACCES, Remedy::none, not_permitted},
    {"AuthorizationServiceMismatch", EACCES, Remedy::none, not_permitted},
    {"AuthorizationSourceIPMismatch", EACCES, Remedy::none, not_permitted},
    {"InsufficientAccountPermissions", EACCES, Remedy::none, not_permitted},
    {"UnauthorizedBlobOverwrite", EACCES, Remedy::none, not_permitted},
    {"AuthorizationProtocolMismatch", EACCES, Remedy::none,
     "{endpoint} permits https only; check the endpoint"},
    {"KeyBasedAuthenticationNotPermitted", EACCES, Remedy::none,
     "the account of {endpoint} does not permit keys; use a managed identity"},
    {"PublicAccessNotPermitted", EACCES, Remedy::none,
     "{address} is not public, and there are no credentials"},
    {"AccountIsDisabled", EACCES, Remedy::none, "the account of {endpoint} is disabled"},
    {"BlobImmutableDueToPolicy", EACCES, Remedy::none, locked},
    {"LeaseIdMissing", EACCES, Remedy::none, locked},
    {"BlobArchived", EACCES, Remedy::none,
     "an object of {address} is in the archive tier; restore it, and keep the rules of the account "
     "from moving objects there"},

    {"ContainerNotFound", ENODEV, Remedy::none, no_container},
    {"ContainerDisabled", ENODEV, Remedy::none, no_container},
    {"ContainerBeingDeleted", ENODEV, Remedy::none, no_container},
    {"BlobNotFound", ENOENT, Remedy::none, "there is no such object in {address}"},
    {"ResourceNotFound", ENODEV, Remedy::none, no_container},
    {"InvalidResourceName", EINVAL, Remedy::none, "{endpoint} allows no container of this name"},
    {"InvalidQueryParameterValue", EINVAL, Remedy::none, refused},
    {"InvalidHeaderValue", EINVAL, Remedy::none, refused},
    {"InvalidInput", EINVAL, Remedy::none, refused},
    {"InvalidUri", EINVAL, Remedy::none, refused},
    {"OutOfRangeInput", EINVAL, Remedy::none, refused},
    {"MissingRequiredHeader", EINVAL, Remedy::none, refused},

    {"BlobAlreadyExists", EEXIST, Remedy::none, changed},
    {"ConditionNotMet", EEXIST, Remedy::none, changed},
    {"TargetConditionNotMet", EEXIST, Remedy::none, changed},
    {"InvalidRange", ERANGE, Remedy::none, "the object ends before the wanted range"},
    {"RequestBodyTooLarge", EFBIG, Remedy::none, "{endpoint} does not take objects as large"},
    {"UnsupportedHttpVerb", EOPNOTSUPP, Remedy::none, cannot},
    {"UnsupportedHeader", EOPNOTSUPP, Remedy::none, cannot},
    {"UnsupportedQueryParameter", EOPNOTSUPP, Remedy::none, cannot},
    {"FeatureNotSupported", EOPNOTSUPP, Remedy::none, cannot},
    {"NotImplemented", EOPNOTSUPP, Remedy::none, cannot},

    {"ServerBusy", EAGAIN, Remedy::throttle, slow_down},
    {"OperationTimedOut", EIO, Remedy::none, failed},
    {"InternalError", EIO, Remedy::none, failed},
    {"Md5Mismatch", EIO, Remedy::none, altered},
    {"InvalidMd5", EIO, Remedy::none, altered},
    {"Crc64Mismatch", EIO, Remedy::none, altered},

    // Answers whose name is none of these.
    {"401", EACCES, Remedy::renew, wrong_token},
    {"403", EACCES, Remedy::none, not_permitted},
    {"405", EOPNOTSUPP, Remedy::none, cannot},
    {"412", EEXIST, Remedy::none, changed},
    {"416", ERANGE, Remedy::none, "the object ends before the wanted range"},
    {"501", EOPNOTSUPP, Remedy::none, cannot},
    {"507", ENOSPC, Remedy::none, "there is no more space in {address}"},
};

}  // namespace

std::span<const ErrorRow> AzureDialect::errors() const {
    return rows;
}

// Failed authentication has one name; only its detail says why.
std::string_view AzureDialect::refined_name(const Failure& failure, Purpose) const {
    const auto says = [&](std::string_view phrase) {
        return failure.detail.find(phrase) != std::string::npos;
    };
    if (failure.name != "AuthenticationFailed") return failure.name;
    if (says("date header")) return "WrongClock";
    if (says("time frame") || says("expired") || says("Lifetime")) return "ExpiredSignature";
    return failure.name;
}

std::string_view AzureDialect::permission(Purpose purpose) const {
    switch (purpose) {
        case Purpose::get: return "to read (r, or the role Storage Blob Data Reader)";
        case Purpose::put: return "to write (w, or the role Storage Blob Data Contributor)";
        case Purpose::remove: return "to delete (d, or the role Storage Blob Data Contributor)";
        case Purpose::list: return "to list (l, or the role Storage Blob Data Reader)";
    }
    return "";
}

}  // namespace flexfs::object
