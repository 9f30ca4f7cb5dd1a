#include "mosb/oci/tar_members.h"

#include <algorithm>
#include <span>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "mosb/oci/tar.h"

namespace mosb::oci {

namespace {

/// Each image in an archive has three small files and a directory for each layer at most.
constexpr std::size_t kMaxEntries = 20'000;
constexpr int kMaxLinks = 8;

/// `path` as seen from the directory `base`, written in one way; nullopt for one that is absolute
/// or leaves the tar.
std::optional<std::string> path_from(std::string_view base, std::string_view path) {
  if (path.empty() || path.front() == '/') {
    return std::nullopt;
  }
  std::vector<std::string> parts;
  for (const std::string_view text : {base, path}) {
    for (std::string& part : split(text, '/')) {
      if (part == "..") {
        if (parts.empty()) {
          return std::nullopt;
        }
        parts.pop_back();
      } else if (!part.empty() && part != ".") {
        parts.push_back(std::move(part));
      }
    }
  }
  return parts.empty() ? std::nullopt : std::optional(join(parts, "/"));
}

/// Only symlinks may go up.
std::optional<std::string> member_name(std::string_view path) {
  const std::vector<std::string> parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") == parts.end() ? path_from("", path)
                                                                    : std::nullopt;
}

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

/// Ends a stream of which enough was seen.
Status enough() {
  return Error(Errc::kInternal, "enough");
}

}  // namespace

Result<TarMembers> TarMembers::open(const std::string& file) {
  TarMembers members(file);
  MOSB_CHECK(members.take_headers());
  return members;
}

Status TarMembers::take_headers() {
  TarReader tar = MOSB_TRY(TarReader::open(file_));
  const UniqueFd fd = MOSB_TRY(sys::open(file_, O_RDONLY | O_NONBLOCK));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), file_));
  const auto tar_size = static_cast<std::uint64_t>(st.st_size);
  for (std::size_t number = 0;; ++number) {
    const auto found = MOSB_TRY(tar.next());
    if (!found) {
      return ok();
    }
    if (number == kMaxEntries) {
      return Error(Errc::kContent, "more than " + std::to_string(kMaxEntries) + " entries");
    }
    // What is named otherwise, nothing can ask for.
    const auto path = member_name(found->path);
    if (!path || found->kind == TarEntry::Kind::kDirectory) {
      continue;
    }
    Entry entry{.member = {number, found->size}};
    entry.is_file = found->kind == TarEntry::Kind::kFile && found->size <= tar_size;
    if (found->kind == TarEntry::Kind::kSymlink) {
      entry.link = found->target;
    }
    if (!entries_.emplace(*path, std::move(entry)).second) {
      return Error(Errc::kContent, quote(*path) + " stands twice in the archive");
    }
  }
}

bool TarMembers::contains(std::string_view path) const {
  return entries_.contains(path);
}

Result<TarMembers::Member> TarMembers::find(std::string_view path) const {
  const std::string what = quote(path);
  auto at = member_name(path);
  for (int links = 0; links <= kMaxLinks; ++links) {
    if (!at) {
      return Error(Errc::kContent, what + " leads out of the archive");
    }
    const auto found = entries_.find(*at);
    if (found == entries_.end()) {
      return Error(Errc::kContent, what + " is missing in the archive");
    }
    const Entry& entry = found->second;
    if (!entry.link) {
      return entry.is_file ? Result<Member>(entry.member)
                           : Error(Errc::kContent, what + " is not a plain file");
    }
    at = path_from(directory_of(*at), *entry.link);
  }
  return Error(Errc::kContent, what + " leads over too many symlinks");
}

Status TarMembers::stream(const Member& member, std::uint64_t from, const BlobSink& sink) const {
  TarReader tar = MOSB_TRY(TarReader::open(file_));
  for (std::size_t number = 0;; ++number) {
    const auto entry = MOSB_TRY(tar.next());
    if (!entry || (number == member.number && entry->size != member.size)) {
      return Error(Errc::kContent, quote(file_) + " changed while it was read");
    }
    if (number == member.number) {
      break;
    }
  }
  std::uint64_t left = from;
  return tar.read([&](std::span<const std::byte> part) -> Status {
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(left, part.size()));
    left -= skipped;
    return skipped == part.size() ? ok() : sink(part.subspan(skipped));
  });
}

Result<std::string> TarMembers::read(const Member& member, ByteCount limit) const {
  if (member.size > limit.value) {
    return Error(Errc::kContent, "it is larger than " + std::to_string(limit.value) + " bytes");
  }
  return read_start(member, member.size);
}

Result<std::string> TarMembers::read_start(const Member& member, std::size_t count) const {
  std::string bytes;
  const std::size_t wanted = std::min<std::uint64_t>(count, member.size);
  const Status streamed = stream(member, 0, [&](std::span<const std::byte> part) {
    // reinterpret_cast: bytes as characters.
    bytes.append(reinterpret_cast<const char*>(part.data()),
                 std::min(part.size(), wanted - bytes.size()));
    return bytes.size() < wanted ? ok() : enough();
  });
  if (bytes.size() == wanted) {
    return bytes;
  }
  MOSB_CHECK(streamed);
  return Error(Errc::kContent, "the archive ends within it");
}

}  // namespace mosb::oci
