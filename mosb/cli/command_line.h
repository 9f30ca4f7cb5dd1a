#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mosb::cli {

class Session;

/// What a command does after the command line was read. The value is the exit status.
using Action = std::function<Result<int>(Session&)>;

/// A flag, option or argument that is being declared: a handle to what parse_command_line() owns,
/// valid until that returns. Each function gives the same handle back.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required();
  Option one_of(const std::vector<std::string>& values);
  /// Both ends are allowed.
  Option within(unsigned least, unsigned most);
  /// Help shows this as the default; what counts is the target's value before parsing.
  Option shows_default(const std::string& text);
  /// Neither may be given with the other.
  Option excludes(const Option& other);

 private:
  CLI::Option* option_;
};

/// A command that is being declared: a handle like Option, and the seam to CLI11, whose headers
/// cost each file that includes them seconds of compiling.
///
/// Names are as in "-o,--output"; one without dashes is an argument, known by its place. Targets
/// are written by the parser and must live until parse_command_line() returns.
class Command {
 public:
  Command(CLI::App& app, Action& named) : app_(&app), named_(&named) {}

  Command subcommand(const std::string& name, const std::string& what);
  /// What its help ends with; lines after the first are remarks.
  Command example(const std::string& text);
  /// What is done when this command is the one that was named.
  void runs(Action action);

  Option flag(const std::string& names, bool& target, const std::string& what);
  Option option(const std::string& names, std::string& target, const std::string& what);
  Option option(const std::string& names, unsigned& target, const std::string& what);
  /// Takes every value up to the next flag, and may be repeated.
  Option option(const std::string& names,
                std::vector<std::string>& target,
                const std::string& what);
  /// Takes one value each time, even one that looks like a flag, and may be repeated.
  Option repeated(const std::string& names,
                  std::vector<std::string>& target,
                  const std::string& what);

 private:
  CLI::App* app_;
  Action* named_;
};

/// Reads mosb's command line as `declare` describes it; flags of a command count behind its
/// subcommands, too. Nothing if help or the version was asked for, which it has printed then.
/// Errors: kUsage. Targets may be written even then, so that --output shapes the message.
Result<std::optional<Action>> parse_command_line(int argc,
                                                 const char* const* argv,
                                                 const std::function<void(Command&)>& declare);

}  // namespace mosb::cli
