#pragma once

#include "mosb/base/result.h"

// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name
#define MOSB_LIBRARY_MEMBER(function, member) decltype(&::function) member = nullptr;
/// Fills in the members of `functions` from the SharedLibrary `library`.
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name
#define MOSB_LIBRARY_FIND(function, member) MOSB_CHECK(library.find(#function, &functions.member));

namespace mosb {

/// A library that is loaded when it is first needed and stays: linked in the ordinary way, one that
/// few commands use, with all that stands behind it, would cost every command milliseconds.
/// What is called of it stands in one list, #define LIST(use) use(archive_read_new, read_new) …,
/// that makes both the struct of functions, by MOSB_LIBRARY_MEMBER, and the calls of find(), by
/// MOSB_LIBRARY_FIND: so none can be forgotten.
class SharedLibrary {
 public:
  /// `name` with the version of the ABI that mosb was built with, "libarchive.so.13"; `package`:
  /// what to install where it is missing. Errors: kHost.
  static Result<SharedLibrary> load(const char* name, const char* package);

  /// Errors: kHost if the library has no such function.
  template <class Function>
  Status find(const char* function, Function* to) const {
    *to = reinterpret_cast<Function>(MOSB_TRY(look_up(function)));
    return ok();
  }

 private:
  SharedLibrary(void* handle, const char* name) : handle_(handle), name_(name) {}
  Result<void*> look_up(const char* function) const;

  void* handle_;
  const char* name_;
};

/// What `load` gives, which is called once in the life of the process.
template <class Functions>
Result<const Functions*> load_once(Result<Functions> (*load)()) {
  static const Result<Functions> loaded = load();
  if (!loaded) {
    return loaded.error();
  }
  return &*loaded;
}

}  // namespace mosb
