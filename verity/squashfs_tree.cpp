#include "verity/squashfs_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include <linux/fuse.h>
#include <sys/stat.h>

#include "verity/layer_filesystem.h"
#include "verity/page_buffer.h"
#include "verity/squashfs_view.h"

namespace mosb::verity {

namespace {

/// overlayfs's marks for "nothing below shows through"; redirections and the like it is told not
/// to follow.
constexpr std::array<std::string_view, 2> kOverlayAttributes{"trusted.overlay.opaque",
                                                             "trusted.overlay.whiteout"};
constexpr std::size_t kMaxAttributeList = 65'536;
constexpr std::uint32_t kBlocksOfStat = 512;

/// Listing cookies: 0 is the start, 1 behind ".", 2 behind "..", then the image's own offsets.
constexpr std::uint64_t kFirstOffset = 2;

constexpr std::string_view kTrustedPrefix = "trusted.";
constexpr std::string_view kUserPrefix = "user.";
constexpr std::string_view kUserOverlay = "user.overlay.";

bool is_overlay_mark(std::string_view attribute) {
  return std::ranges::find(kOverlayAttributes, attribute) != kOverlayAttributes.end();
}

/// The name under which an attribute of the image is shown; nullopt if it is not.
std::optional<std::string> shown_name(std::string_view attribute, OverlayAttributes overlay) {
  if (is_overlay_mark(attribute)) {
    return overlay == OverlayAttributes::kTrusted
               ? std::string(attribute)
               : std::string(kUserPrefix) + std::string(attribute.substr(kTrustedPrefix.size()));
  }
  const bool is_hidden = overlay == OverlayAttributes::kUser && attribute.starts_with(kUserOverlay);
  return attribute.starts_with(kUserPrefix) && !is_hidden ? std::optional(std::string(attribute))
                                                          : std::nullopt;
}

/// The other way round: what an attribute that is asked for is called in the image.
std::optional<std::string> image_name(std::string_view shown, OverlayAttributes overlay) {
  std::string name(shown);
  if (overlay == OverlayAttributes::kUser && shown.starts_with(kUserOverlay)) {
    name = std::string(kTrustedPrefix) + std::string(shown.substr(kUserPrefix.size()));
  }
  return shown_name(name, overlay) == shown ? std::optional(std::move(name)) : std::nullopt;
}

int errno_of(const Error& error) {
  return error.sys_errno() != 0 ? error.sys_errno() : EIO;
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// The text up to NUL at the start of a request's body, or nothing if there is no NUL.
std::string_view text_of(std::span<const std::byte> body) {
  // reinterpret_cast: char may alias anything.
  const std::string_view all(reinterpret_cast<const char*>(body.data()), body.size());
  return all.substr(0, all.find('\0') == std::string_view::npos ? 0 : all.find('\0'));
}

/// Fills a FUSE_READDIR or FUSE_READDIRPLUS reply.
class DirectoryReply {
 public:
  DirectoryReply(std::span<std::byte> room, bool plus) : room_(room), plus_(plus) {}

  /// Whether an entry with this name would still fit.
  bool fits(std::string_view name) const { return used_ + size(name) <= room_.size(); }
  void add(std::string_view name,
           const fuse_entry_out& node,
           std::uint64_t number,
           mode_t type,
           std::uint64_t next) {
    const std::span<std::byte> out = room_.subspan(used_, size(name));
    std::ranges::fill(out, std::byte{0});
    std::size_t at = 0;
    if (plus_) {
      std::ranges::copy(bytes_of(node), out.begin());
      at = sizeof node;
    }
    const struct {
      std::uint64_t ino, off;
      std::uint32_t namelen, type;
    } head{number, next, static_cast<std::uint32_t>(name.size()), type >> 12};
    static_assert(sizeof head == FUSE_NAME_OFFSET);
    std::ranges::copy(bytes_of(head), out.subspan(at).begin());
    std::ranges::copy(std::as_bytes(std::span(name)), out.subspan(at + sizeof head).begin());
    used_ += out.size();
  }
  bool plus() const { return plus_; }
  std::span<const std::byte> bytes() const { return room_.first(used_); }

 private:
  std::size_t size(std::string_view name) const {
    return (plus_ ? sizeof(fuse_entry_out) : 0) + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name.size());
  }

  std::span<std::byte> room_;
  bool plus_;
  std::size_t used_ = 0;
};

class SquashfsTree final : public FuseHandler {
 public:
  SquashfsTree(std::unique_ptr<SquashfsView> view,
               PageBuffer buffer,
               const IdShift& ids,
               OverlayAttributes overlay)
      : view_(std::move(view)), buffer_(std::move(buffer)), ids_(ids), overlay_(overlay) {}

  FuseAnswer handle(const FuseRequest& request) override {
    const Result<FuseAnswer> answer = dispatch(request);
    return answer ? *answer : FuseAnswer::fail(errno_of(answer.error()));
  }

 private:
  Result<FuseAnswer> dispatch(const FuseRequest& request);
  Result<FuseAnswer> attributes(const FuseRequest& request);
  Result<FuseAnswer> lookup(const FuseRequest& request);
  Result<FuseAnswer> read(const FuseRequest& request);
  Result<FuseAnswer> read_link(const FuseRequest& request);
  Result<FuseAnswer> list(const FuseRequest& request, bool plus);
  Status list_dots(const FuseRequest& request, std::uint64_t from, DirectoryReply& reply);
  Result<FuseAnswer> get_attribute(const FuseRequest& request);
  Result<FuseAnswer> list_attributes(const FuseRequest& request);
  FuseAnswer sized(std::uint32_t room, std::span<const std::byte> value);
  FuseAnswer file_system();

  InodePlace place_of(std::uint64_t node) const {
    return node == FUSE_ROOT_ID ? view_->root() : node - 2;
  }
  /// FUSE's numbers 0 and 1 mean "none" and the root; a place is 48 bits wide.
  std::uint64_t node_of(InodePlace place) const {
    return place == view_->root() ? FUSE_ROOT_ID : place + 2;
  }
  Result<fuse_attr> attr(InodePlace place);
  Result<fuse_entry_out> entry(InodePlace place);

  std::unique_ptr<SquashfsView> view_;
  PageBuffer buffer_;
  IdShift ids_;
  OverlayAttributes overlay_;
  // Replies until they are sent.
  std::string text_;
  fuse_attr_out attr_out_{};
  fuse_entry_out entry_out_{};
  fuse_statfs_out statfs_out_{};
  fuse_getxattr_out size_out_{};
};

Result<FuseAnswer> SquashfsTree::dispatch(const FuseRequest& request) {
  switch (request.opcode) {
    case FUSE_LOOKUP:
      return lookup(request);
    case FUSE_GETATTR:
      return attributes(request);
    case FUSE_READ:
      return read(request);
    case FUSE_READLINK:
      return read_link(request);
    case FUSE_READDIR:
      return list(request, false);
    case FUSE_READDIRPLUS:
      return list(request, true);
    case FUSE_GETXATTR:
      return get_attribute(request);
    case FUSE_LISTXATTR:
      return list_attributes(request);
    case FUSE_STATFS:
      return file_system();
    default:
      // For FUSE_OPEN and FUSE_OPENDIR this means that nobody needs to ask, and that what was read
      // stays cached.
      return FuseAnswer::fail(ENOSYS);
  }
}

Result<fuse_attr> SquashfsTree::attr(InodePlace place) {
  const InodeFacts facts = MOSB_TRY(view_->inode(place));
  fuse_attr attr{};
  attr.ino = facts.number;
  attr.size = facts.size;
  attr.blocks = (facts.size + kBlocksOfStat - 1) / kBlocksOfStat;
  attr.atime = attr.mtime = attr.ctime = facts.mtime;
  attr.mode = facts.mode;
  attr.nlink = facts.links;
  attr.uid = ids_.uid(facts.uid);
  attr.gid = ids_.gid(facts.gid);
  attr.rdev = facts.device;
  attr.blksize = kBlockSize;
  return attr;
}

Result<fuse_entry_out> SquashfsTree::entry(InodePlace place) {
  fuse_entry_out entry{};
  entry.nodeid = node_of(place);
  entry.entry_valid = kForeverSeconds;
  entry.attr_valid = kForeverSeconds;
  entry.attr = MOSB_TRY(attr(place));
  return entry;
}

Result<FuseAnswer> SquashfsTree::attributes(const FuseRequest& request) {
  attr_out_ = {};
  attr_out_.attr_valid = kForeverSeconds;
  attr_out_.attr = MOSB_TRY(attr(place_of(request.node)));
  return FuseAnswer::of(bytes_of(attr_out_));
}

Result<FuseAnswer> SquashfsTree::lookup(const FuseRequest& request) {
  const std::string_view name = text_of(request.body);
  if (name.empty()) {
    return FuseAnswer::fail(EINVAL);
  }
  const auto place = MOSB_TRY(view_->lookup(place_of(request.node), name));
  entry_out_ = {};
  // Node 0: there is no such name, and never will be.
  entry_out_.entry_valid = kForeverSeconds;
  if (place) {
    entry_out_ = MOSB_TRY(entry(*place));
  }
  return FuseAnswer::of(bytes_of(entry_out_));
}

Result<FuseAnswer> SquashfsTree::read(const FuseRequest& request) {
  const auto* in = request.as<fuse_read_in>();
  if (in == nullptr || in->size > buffer_.bytes().size()) {
    return FuseAnswer::fail(EINVAL);
  }
  const std::span<std::byte> out = buffer_.bytes().first(in->size);
  const std::size_t n = MOSB_TRY(view_->read(place_of(request.node), in->offset, out));
  return FuseAnswer::of(out.first(n));
}

Result<FuseAnswer> SquashfsTree::read_link(const FuseRequest& request) {
  text_ = MOSB_TRY(view_->read_link(place_of(request.node)));
  return FuseAnswer::of(std::as_bytes(std::span(text_)));
}

Status SquashfsTree::list_dots(const FuseRequest& request,
                               std::uint64_t from,
                               DirectoryReply& reply) {
  const InodePlace directory = place_of(request.node);
  // Without a node of their own, so that a READDIRPLUS does not look them up.
  if (from == 0) {
    const InodeFacts facts = MOSB_TRY(view_->inode(directory));
    reply.add(".", {}, facts.number, S_IFDIR, 1);
  }
  if (from <= 1) {
    reply.add("..", {}, MOSB_TRY(view_->parent_number(directory)), S_IFDIR, kFirstOffset);
  }
  return ok();
}

Result<FuseAnswer> SquashfsTree::list(const FuseRequest& request, bool plus) {
  constexpr std::size_t kRoomForDots = 1024;
  const auto* in = request.as<fuse_read_in>();
  if (in == nullptr || in->size < kRoomForDots || in->size > buffer_.bytes().size()) {
    return FuseAnswer::fail(EINVAL);
  }
  DirectoryReply reply(buffer_.bytes().first(in->size), plus);
  MOSB_CHECK(list_dots(request, in->offset, reply));
  const std::uint64_t from = std::max(in->offset, kFirstOffset) - kFirstOffset;
  MOSB_CHECK(view_->list_from(
      place_of(request.node), from, [&](const DirectoryEntry& found) -> Result<bool> {
        if (!reply.fits(found.name)) {
          return false;
        }
        const fuse_entry_out node = plus ? MOSB_TRY(entry(found.place)) : fuse_entry_out{};
        reply.add(found.name, node, found.number, found.type, found.next + kFirstOffset);
        return true;
      }));
  return FuseAnswer::of(reply.bytes());
}

FuseAnswer SquashfsTree::sized(std::uint32_t room, std::span<const std::byte> value) {
  if (room == 0) {
    size_out_ = {};
    size_out_.size = static_cast<std::uint32_t>(value.size());
    return FuseAnswer::of(bytes_of(size_out_));
  }
  return room < value.size() ? FuseAnswer::fail(ERANGE) : FuseAnswer::of(value);
}

Result<FuseAnswer> SquashfsTree::get_attribute(const FuseRequest& request) {
  const auto* in = request.as<fuse_getxattr_in>();
  if (in == nullptr) {
    return FuseAnswer::fail(EINVAL);
  }
  const auto name = image_name(text_of(request.body.subspan(sizeof *in)), overlay_);
  if (!name) {
    return FuseAnswer::fail(ENODATA);
  }
  auto value = MOSB_TRY(view_->attribute(place_of(request.node), *name));
  if (!value) {
    return FuseAnswer::fail(ENODATA);
  }
  text_ = *std::move(value);
  return sized(in->size, std::as_bytes(std::span(text_)));
}

Result<FuseAnswer> SquashfsTree::list_attributes(const FuseRequest& request) {
  const auto* in = request.as<fuse_getxattr_in>();
  if (in == nullptr) {
    return FuseAnswer::fail(EINVAL);
  }
  text_.clear();
  for (const std::string& name : MOSB_TRY(view_->attribute_names(place_of(request.node)))) {
    const auto shown = shown_name(name, overlay_);
    if (shown) {
      text_ += *shown;
      text_ += '\0';
    }
  }
  if (text_.size() > kMaxAttributeList) {
    return FuseAnswer::fail(E2BIG);
  }
  return sized(in->size, std::as_bytes(std::span(text_)));
}

FuseAnswer SquashfsTree::file_system() {
  const SquashfsFacts facts = view_->facts();
  statfs_out_ = {};
  statfs_out_.st.bsize = facts.block_size;
  statfs_out_.st.frsize = facts.block_size;
  statfs_out_.st.blocks = (facts.bytes_used + facts.block_size - 1) / facts.block_size;
  statfs_out_.st.files = facts.inodes;
  statfs_out_.st.namelen = 255;
  return FuseAnswer::of(bytes_of(statfs_out_));
}

}  // namespace

Result<std::unique_ptr<FuseHandler>> make_squashfs_tree(const VerifiedReader& reader,
                                                        FaultLog& faults,
                                                        std::shared_ptr<BlockCache> cache,
                                                        const IdShift& ids,
                                                        OverlayAttributes overlay) {
  MOSB_CHECK(require_filesystem(reader.filesystem(), Filesystem::kSquashfs));
  auto view = MOSB_TRY(SquashfsView::open(reader, faults, std::move(cache)));
  PageBuffer buffer = MOSB_TRY(PageBuffer::make(kMaxReadSize));
  return std::unique_ptr<FuseHandler>(
      std::make_unique<SquashfsTree>(std::move(view), std::move(buffer), ids, overlay));
}

}  // namespace mosb::verity
