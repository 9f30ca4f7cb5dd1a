#include "mosb/agent/name_files.h"

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxFile{1 * kMiB};
/// What a resolver takes of its configuration (resolv.conf(5)).
constexpr std::size_t kMaxServers = 3;

/// The words of each line that is one, without its comment, whatever ends it.
std::vector<std::vector<std::string>> configuration_lines(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  std::vector<std::vector<std::string>> lines;
  for (const std::string& line : split(text, '\n')) {
    std::vector<std::string> words;
    std::string_view rest = std::string_view(line).substr(0, line.find_first_of("#;"));
    while (rest.find_first_not_of(kSpace) != std::string_view::npos) {
      rest.remove_prefix(rest.find_first_not_of(kSpace));
      words.emplace_back(rest.substr(0, rest.find_first_of(kSpace)));
      rest.remove_prefix(words.back().size());
    }
    if (words.size() > 1) {
      lines.push_back(std::move(words));
    }
  }
  return lines;
}

bool can_be_asked(const IpAddress& server) {
  const bool is_link_local =
      !server.is_v4() && server.bytes()[0] == 0xfe && (server.bytes()[1] & 0xc0U) == 0x80;
  return !server.is_loopback() && !server.is_unspecified() && !is_link_local;
}

/// What a service may be told of the host's configuration.
struct HostResolver {
  std::vector<std::string> servers;
  std::string search;
  std::string options;
};

HostResolver read_host(std::string_view text) {
  HostResolver out;
  for (const std::vector<std::string>& words : configuration_lines(text)) {
    const std::string rest = join(std::span(words).subspan(1), " ");
    if (!is_printable_line(rest)) {
      continue;
    }
    if (words[0] == "nameserver" && out.servers.size() < kMaxServers) {
      const auto address = IpAddress::parse(words[1]);
      if (address && can_be_asked(*address)) {
        out.servers.push_back(words[1]);
      }
    } else if (words[0] == "search" || words[0] == "domain") {
      out.search = rest;
    } else if (words[0] == "options") {
      out.options += (out.options.empty() ? "" : " ") + rest;
    }
  }
  return out;
}

std::string line(const std::string& word, const std::string& rest) {
  return rest.empty() ? "" : word + " " + rest + "\n";
}

/// What has a meaning of its own in every hosts file.
bool is_of_loopback(const std::string& name) {
  return name == "localhost" || name == "ip6-localhost" || name == "ip6-loopback";
}

Status write_in_place(const std::string& path, const std::string& text) {
  const auto before = read_file(path, kMaxFile);
  if (before && *before == text) {
    return ok();
  }
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  MOSB_CHECK(sys::write_all(fd.get(), std::as_bytes(std::span(text))));
  // The service reads it as somebody else, whatever the umask was.
  if (::fchmod(fd.get(), 0644) < 0) {
    return Error::sys("chmod " + quote(path), errno);
  }
  if (::ftruncate(fd.get(), static_cast<off_t>(text.size())) < 0) {
    return Error::sys("truncate " + quote(path), errno);
  }
  return ok();
}

}  // namespace

std::string hosts_text(const net::ServicePort& own,
                       const std::string& hostname,
                       const std::vector<net::ServicePort>& services) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n";
  const auto add = [&text](const net::ServicePort& service, const std::string& names) {
    text += service.ipv4.str() + "\t" + names + "\n";
    if (service.ipv6) {
      text += service.ipv6->str() + "\t" + names + "\n";
    }
  };
  add(own, hostname == own.service ? hostname : hostname + " " + own.service);
  for (const net::ServicePort& service : services) {
    if (service.service != own.service && service.service != hostname &&
        !is_of_loopback(service.service)) {
      add(service, service.service);
    }
  }
  return text;
}

std::string resolv_conf_text(const manifest::TargetDns& dns, std::string_view host) {
  if (dns.from == manifest::TargetDns::From::kNone) {
    return "";
  }
  HostResolver resolver = read_host(host);
  if (dns.from == manifest::TargetDns::From::kServers) {
    resolver = HostResolver();
    for (const IpAddress& server : dns.servers) {
      resolver.servers.push_back(server.str());
    }
  }
  if (!dns.search.empty()) {
    resolver.search = join(dns.search, " ");
  }
  if (!dns.options.empty()) {
    resolver.options = join(dns.options, " ");
  }
  std::string text;
  for (const std::string& server : resolver.servers) {
    text += line("nameserver", server);
  }
  return text + line("search", resolver.search) + line("options", resolver.options);
}

std::string host_resolv_conf(const std::vector<std::string>& files) {
  std::string first;
  for (const std::string& path : files) {
    const auto text = read_named_file(path, kMaxFile);
    if (text && !read_host(*text).servers.empty()) {
      return *text;
    }
    if (text && first.empty()) {
      first = *text;
    }
  }
  return first;
}

Status write_name_files(const std::string& dir, const NameFiles& files) {
  MOSB_CHECK(sys::mkdir_all(dir, 0755));
  for (const auto& [name, text] : {std::pair{"hosts", &files.hosts},
                                   std::pair{"resolv.conf", &files.resolv_conf},
                                   std::pair{"hostname", &files.hostname}}) {
    MOSB_CHECK(write_in_place(dir + "/" + name, *text));
  }
  return ok();
}

}  // namespace mosb::agent
