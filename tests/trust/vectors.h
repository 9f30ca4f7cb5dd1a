#pragma once

#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/base/temp_dir.h"
#include "mosb/oci/layout.h"

namespace mosb::test {

/// tests/data/notation and what is below it.
std::string notation_data(const std::string& path = "");
/// A file of it as it is. Ends the test if there is none.
std::string notation_file(const std::string& path);
Json notation_json(const std::string& path);

/// When the signatures in tests/data/notation are judged.
const Clock& vector_clock();

/// A directory below the system's one for temporary files; ends the test if there can be none.
TempDir make_temp_dir();
/// Copies a tree with modes 0755 and 0644, whatever the checkout's umask was.
void copy_tree(const std::string& from, const std::string& to);
void write_file(const std::string& path, const std::string& text, unsigned mode = 0644);

/// One case of tests/data/notation/cases.
struct Vector {
  std::string name;
  /// notation accepted it.
  bool accepted;
  /// notation's reason where it did not.
  std::string reason;
  /// The notation configuration directory to judge it with.
  std::string config;
};
std::vector<Vector> notation_vectors();

/// The artifact that all cases are about.
oci::Descriptor vector_subject();
/// A new layout in `dir` with the subject and the signatures of a case attached to it.
oci::Layout layout_with_case(const std::string& dir, const std::string& name);

/// The value, or the end of the test with the error's text.
template <class T>
T must(Result<T> result);

/// Reports an error and ends the test.
[[noreturn]] void stop(const Error& error);

template <class T>
T must(Result<T> result) {
  if (!result) {
    stop(result.error());
  }
  return *std::move(result);
}

}  // namespace mosb::test
