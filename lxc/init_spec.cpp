#include "lxc/init_spec.h"

#include <cerrno>
#include <span>

#include <fcntl.h>
#include <unistd.h>

#include "lxc/init_spec_layout.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

void append_bytes(std::string& out, const void* data, std::size_t size) {
  out.append(static_cast<const char*>(data), size);
}

Status append_string(std::string& out, const std::string& text, const char* what) {
  if (text.find('\0') != std::string::npos) {
    return Error(Errc::kRuntime, std::string(what) + " " + quote(text) + " contains a NUL byte");
  }
  out += text;
  out += '\0';
  return ok();
}

}  // namespace

Result<std::string> encode_init_spec(const ContainerProcess& process) {
  if (process.argv.empty()) {
    return Error(Errc::kRuntime, "there is no command to run");
  }
  if (process.groups.size() > kMaxInitGroups) {
    return Error(Errc::kRuntime, "more than " + std::to_string(kMaxInitGroups) + " groups");
  }
  std::string body;
  append_bytes(body, process.groups.data(), process.groups.size() * sizeof(std::uint32_t));
  MOSB_CHECK(append_string(body, process.cwd, "working directory"));
  for (const std::string& arg : process.argv) {
    MOSB_CHECK(append_string(body, arg, "argument"));
  }
  for (const std::string& variable : process.env) {
    MOSB_CHECK(append_string(body, variable, "environment variable"));
  }
  if (body.size() > kMaxInitSpecSize - sizeof(InitSpecHeader)) {
    return Error(
        Errc::kRuntime,
        "arguments and environment take more than " + std::to_string(kMaxInitSpecSize) + " bytes");
  }
  const InitSpecHeader header{
      .magic = kInitSpecMagic,
      .uid = process.uid,
      .gid = process.gid,
      .group_count = static_cast<std::uint32_t>(process.groups.size()),
      .argv_count = static_cast<std::uint32_t>(process.argv.size()),
      .env_count = static_cast<std::uint32_t>(process.env.size()),
      .size = static_cast<std::uint32_t>(sizeof(InitSpecHeader) + body.size()),
  };
  std::string bytes;
  append_bytes(bytes, &header, sizeof header);
  return bytes + body;
}

Result<UniqueFd> seal_bytes(const std::string& name, const std::string& bytes) {
  UniqueFd fd = MOSB_TRY(sys::memfd(name));
  MOSB_CHECK(sys::write_all(fd.get(), std::as_bytes(std::span(bytes))));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
          0) {
    const int err = errno;
    return Error::sys("seal " + quote(name), err);
  }
  return fd;
}

Result<UniqueFd> seal_init_spec(const ContainerProcess& process) {
  return seal_bytes("mosb-init-spec", MOSB_TRY(encode_init_spec(process)));
}

}  // namespace mosb::lxc
