#include <algorithm>
#include <array>
#include <cctype>

#include <unistd.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/net/socket_conflict.h"
#include "mosb/net/socket_table.h"

namespace mosb::net {

namespace {

constexpr ByteCount kMaxComm{64};

bool is_number(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Processes end while they are looked at, and some may not be looked at: neither is an error.
bool has_open(const std::string& process, const std::string& target) {
  const std::string dir = process + "/fd";
  const auto numbers = list_dir(dir);
  if (!numbers) {
    return false;
  }
  return std::any_of(numbers->begin(), numbers->end(), [&](const std::string& number) {
    std::array<char, 64> link{};
    const ssize_t size = ::readlink((dir + "/" + number).c_str(), link.data(), link.size());
    return size > 0 && std::string_view(link.data(), static_cast<std::size_t>(size)) == target;
  });
}

}  // namespace

const ListeningSocket* find_holder(const PortForward& forward,
                                   const std::vector<ListeningSocket>& sockets) {
  const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const auto& socket) {
    return conflicts(socket, forward);
  });
  return found == sockets.end() ? nullptr : &*found;
}

std::string holder_name(const ListeningSocket& socket) {
  const std::string target = "socket:[" + std::to_string(socket.inode) + "]";
  const auto processes = list_dir("/proc");
  if (!processes) {
    return "";
  }
  for (const std::string& pid : *processes) {
    const std::string process = "/proc/" + pid;
    if (!is_number(pid) || !has_open(process, target)) {
      continue;
    }
    const auto comm = read_kernel_file(process + "/comm", kMaxComm);
    return "process " + pid +
           (comm ? " (" + escape(comm->substr(0, comm->find('\n'))) + ")" : std::string());
  }
  return "";
}

}  // namespace mosb::net
