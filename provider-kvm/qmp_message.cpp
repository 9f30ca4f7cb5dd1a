#include "provider-kvm/qmp_message.h"

#include <utility>

#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

Result<QmpMessage> parse_greeting(const Json& greeting) {
  const Json* const version = MOSB_TRY(json::require_object(greeting, "version"));
  const Json* const qemu = MOSB_TRY(json::require_object(*version, "qemu"));
  const std::uint64_t major = MOSB_TRY(json::require_uint(*qemu, "major"));
  const std::uint64_t minor = MOSB_TRY(json::require_uint(*qemu, "minor"));
  const std::uint64_t micro = MOSB_TRY(json::require_uint(*qemu, "micro"));
  return QmpMessage(QmpGreeting{std::to_string(major) + "." + std::to_string(minor) + "." +
                                std::to_string(micro)});
}

Result<QmpMessage> parse_failure(const Json& object, const Json& error) {
  QmpFailure failure;
  // A line that qemu could not read has no id to repeat.
  failure.id = MOSB_TRY(json::optional_uint(object, "id")).value_or(0);
  failure.error_class = MOSB_TRY(json::require_string(error, "class"));
  failure.description = MOSB_TRY(json::require_string(error, "desc"));
  return QmpMessage(std::move(failure));
}

Result<QmpMessage> parse_event(const Json& object) {
  QmpEvent event;
  event.name = MOSB_TRY(json::require_string(object, "event"));
  if (const Json* const data = MOSB_TRY(json::optional_object(object, "data"))) {
    event.data = *data;
  }
  return QmpMessage(std::move(event));
}

}  // namespace

Result<QmpMessage> parse_qmp(std::string_view line) {
  const Json object = MOSB_TRY(json::parse(line, kMaxQmpLine).context("a message of qemu"));
  if (!object.is_object()) {
    return Error(Errc::kContent, "a message of qemu is no object");
  }
  if (const Json* const greeting = MOSB_TRY(json::optional_object(object, "QMP"))) {
    return parse_greeting(*greeting);
  }
  if (object.contains("event")) {
    return parse_event(object);
  }
  if (const Json* const error = MOSB_TRY(json::optional_object(object, "error"))) {
    return parse_failure(object, *error);
  }
  const auto value = object.find("return");
  if (value == object.end()) {
    return Error(Errc::kContent, "qemu said " + quote(line) + ", which is no message of QMP");
  }
  return QmpMessage(QmpReturn{MOSB_TRY(json::require_uint(object, "id")), *value});
}

std::string print_qmp_command(const std::string& command, const Json& arguments, std::uint64_t id) {
  Json object{{"execute", command}, {"id", id}};
  if (!arguments.is_null()) {
    object["arguments"] = arguments;
  }
  return object.dump() + "\n";
}

Status LineBuffer::add(std::string_view bytes) {
  if (begin_ > 0) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  bytes_ += bytes;
  const std::size_t end = bytes_.find('\n');
  if ((end == std::string::npos ? bytes_.size() : end) > limit_.value) {
    return Error(Errc::kContent,
                 "a line is longer than " + std::to_string(limit_.value) + " bytes");
  }
  return ok();
}

std::optional<std::string> LineBuffer::next() {
  const std::size_t end = bytes_.find('\n', begin_);
  if (end == std::string::npos) {
    return std::nullopt;
  }
  std::string line = bytes_.substr(begin_, end - begin_);
  begin_ = end + 1;
  if (!line.empty() && line.back() == '\r') {
    line.pop_back();
  }
  return line;
}

}  // namespace mosb::kvm
