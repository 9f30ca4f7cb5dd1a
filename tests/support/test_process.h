#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/temp_dir.h"

namespace mosb::test {

/// A program that runs beside a test: killed when the value goes, or when the test's process ends.
class TestProcess {
 public:
  /// The program is looked up in PATH. Its standard output and error go to the given files; its
  /// standard input stays open as long as the value lives.
  static Result<TestProcess> start(const std::vector<std::string>& argv,
                                   const std::string& out_file,
                                   const std::string& err_file);
  TestProcess(TestProcess&&) noexcept = default;
  TestProcess& operator=(TestProcess&&) = delete;
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;
  ~TestProcess();

  const Child& child() const { return child_; }

 private:
  TestProcess(Child child, UniqueFd input) : child_(std::move(child)), input_(std::move(input)) {}
  Child child_;
  UniqueFd input_;
};

/// Waits until `marker` stands in the file with an end of line somewhere behind it, and returns the
/// text between the two. Errors: kRuntime after the time, with the file's text.
Result<std::string> wait_for_text(const std::string& file,
                                  const std::string& marker,
                                  std::chrono::seconds time);

/// The program's path, or "" if it is not installed.
std::string find_installed(const std::string& program);

}  // namespace mosb::test
