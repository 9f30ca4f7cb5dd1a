#include "mosb/base/shared_library.h"

#include <dlfcn.h>

#include "mosb/base/text.h"

namespace mosb {

namespace {

Error last_error(const std::string& what) {
  const char* why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): each thread has its own
  return {Errc::kHost, what + ": " + escape(why == nullptr ? "no reason given" : why)};
}

}  // namespace

Result<SharedLibrary> SharedLibrary::load(const char* name, const char* package) {
  void* const handle = ::dlopen(name, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    return last_error("load " + std::string(name))
        .with_hint("install the package " + std::string(package));
  }
  return SharedLibrary(handle, name);
}

Result<void*> SharedLibrary::look_up(const char* function) const {
  void* const symbol = ::dlsym(handle_, function);
  if (symbol == nullptr) {
    return last_error("find " + std::string(function) + " in " + name_);
  }
  return symbol;
}

}  // namespace mosb
