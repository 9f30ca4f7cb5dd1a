#include "mosb/cli/command_line.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "mosb/agent/install_dirs.h"

namespace mosb::cli {

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Option Option::within(unsigned least, unsigned most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::shows_default(const std::string& text) {
  option_->default_str(text);
  return *this;
}

Option Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Command Command::subcommand(const std::string& name, const std::string& what) {
  return {*app_->add_subcommand(name, what), *named_};
}

Command Command::example(const std::string& text) {
  app_->footer("Example: " + text);
  return *this;
}

void Command::runs(Action action) {
  app_->callback([named = named_, action = std::move(action)] { *named = action; });
}

Option Command::flag(const std::string& names, bool& target, const std::string& what) {
  return Option(*app_->add_flag(names, target, what));
}

Option Command::option(const std::string& names, std::string& target, const std::string& what) {
  return Option(*app_->add_option(names, target, what));
}

Option Command::option(const std::string& names, unsigned& target, const std::string& what) {
  return Option(*app_->add_option(names, target, what));
}

Option Command::option(const std::string& names,
                       std::vector<std::string>& target,
                       const std::string& what) {
  return Option(*app_->add_option(names, target, what));
}

Option Command::repeated(const std::string& names,
                         std::vector<std::string>& target,
                         const std::string& what) {
  CLI::Option* const option = app_->add_option(names, target, what);
  option->expected(1)->take_all()->allow_extra_args(false);
  return Option(*option);
}

Result<std::optional<Action>> parse_command_line(int argc,
                                                 const char* const* argv,
                                                 const std::function<void(Command&)>& declare) {
  CLI::App app("mosb: a trusted-boot service host", "mosb");
  app.fallthrough();
  app.set_version_flag("--version", agent::kVersion);
  Action named;
  Command root(app, named);
  declare(root);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    (void)app.exit(asked);
    return std::optional<Action>();
  } catch (const CLI::ParseError& wrong) {
    return Error(Errc::kUsage, wrong.what())
        .with_hint("`mosb COMMAND --help` shows the flags and an example");
  }
  if (!named) {
    return Error(Errc::kUsage, "no command was named")
        .with_hint("`mosb --help` lists the commands");
  }
  return std::optional(std::move(named));
}

}  // namespace mosb::cli
