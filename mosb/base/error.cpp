#include "mosb/base/error.h"

#include <cerrno>
#include <system_error>

namespace mosb {

const char* errc_name(Errc code) {
  switch (code) {
    case Errc::kInternal:
      return "internal";
    case Errc::kUsage:
      return "usage";
    case Errc::kNotFound:
      return "not-found";
    case Errc::kNetwork:
      return "network";
    case Errc::kContent:
      return "content";
    case Errc::kSignature:
      return "signature";
    case Errc::kPolicy:
      return "policy";
    case Errc::kManifest:
      return "manifest";
    case Errc::kVerity:
      return "verity";
    case Errc::kRuntime:
      return "runtime";
    case Errc::kNetSetup:
      return "net-setup";
    case Errc::kVolume:
      return "volume";
    case Errc::kResource:
      return "resource";
    case Errc::kBusy:
      return "busy";
    case Errc::kState:
      return "state";
    case Errc::kHost:
      return "host";
    case Errc::kBoot:
      return "boot";
  }
  return "internal";
}

namespace {

Errc errc_of_errno(int err) {
  switch (err) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Errc::kResource;
    case ENOENT:
      return Errc::kNotFound;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

Error Error::sys(const std::string& what, int err) {
  // generic_category() instead of strerror(): the latter is not safe with threads.
  Error error(errc_of_errno(err), what + ": " + std::generic_category().message(err));
  error.errno_ = err;
  return error;
}

Error Error::context(const std::string& outer) const& {
  return Error(*this).context(outer);
}

Error Error::context(const std::string& outer) && {
  message_ = outer + ": " + message_;
  return std::move(*this);
}

Error Error::as(Errc code) && {
  if (code_ != Errc::kResource) {
    code_ = code;
  }
  return std::move(*this);
}

Error Error::with_hint(std::string hint) && {
  if (hint_.empty()) {
    hint_ = std::move(hint);
  }
  return std::move(*this);
}

}  // namespace mosb
