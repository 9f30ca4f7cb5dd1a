#pragma once

#include <string>

namespace mosb::log {

enum class Level { kQuiet, kWarn, kInfo, kDebug };

/// What goes to standard error. Libraries below agent and cli log at debug only.
void set_level(Level level);
Level level();
void warn(const std::string& text);
void info(const std::string& text);
void debug(const std::string& text);

}  // namespace mosb::log
