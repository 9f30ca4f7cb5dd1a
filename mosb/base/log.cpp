#include "mosb/base/log.h"

#include <atomic>
#include <cstdio>

#include "mosb/base/text.h"

namespace mosb::log {

namespace {

std::atomic<Level>& current() {
  static std::atomic<Level> level{Level::kWarn};
  return level;
}

void write(Level at, const char* prefix, const std::string& text) {
  if (level() >= at) {
    const std::string line = std::string("mosb: ") + prefix + escape(text) + "\n";
    (void)std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

}  // namespace

void set_level(Level level) {
  current() = level;
}

Level level() {
  return current();
}

void warn(const std::string& text) {
  write(Level::kWarn, "warning: ", text);
}

void info(const std::string& text) {
  write(Level::kInfo, "", text);
}

void debug(const std::string& text) {
  write(Level::kDebug, "debug: ", text);
}

}  // namespace mosb::log
