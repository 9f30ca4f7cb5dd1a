#include "verity/layer_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <linux/fuse.h>
#include <sys/stat.h>

#include "verity/page_buffer.h"

namespace mosb::verity {

namespace {

class LayerFile final : public FuseHandler {
 public:
  LayerFile(VerifiedReader reader, FaultLog& faults, PageBuffer buffer)
      : reader_(std::move(reader)), faults_(faults), buffer_(std::move(buffer)) {}

  FuseAnswer handle(const FuseRequest& request) override {
    if (request.node != FUSE_ROOT_ID) {
      return FuseAnswer::fail(ENOENT);
    }
    switch (request.opcode) {
      case FUSE_READ:
        return read(request);
      case FUSE_GETATTR:
        return attributes();
      case FUSE_STATFS:
        return file_system();
      default:
        // For FUSE_OPEN this means that nobody needs to ask, and that pages stay cached.
        return FuseAnswer::fail(ENOSYS);
    }
  }

 private:
  FuseAnswer read(const FuseRequest& request);
  FuseAnswer attributes();
  FuseAnswer file_system();

  VerifiedReader reader_;
  FaultLog& faults_;
  PageBuffer buffer_;
  fuse_attr_out attr_{};
  fuse_statfs_out statfs_{};
};

FuseAnswer LayerFile::read(const FuseRequest& request) {
  const auto* in = request.as<fuse_read_in>();
  if (in == nullptr || in->size > kMaxReadSize) {
    return FuseAnswer::fail(EINVAL);
  }
  const std::uint64_t size = reader_.data_size().value;
  const std::uint64_t begin = std::min(in->offset, size);
  const std::uint64_t end = begin + std::min<std::uint64_t>(in->size, size - begin);
  const std::uint64_t first = begin / kBlockSize;
  const std::uint64_t last = (end + kBlockSize - 1) / kBlockSize;
  const std::span<std::byte> blocks = buffer_.bytes().first((last - first) * kBlockSize);
  if (const auto fault = reader_.read_blocks(first, blocks)) {
    faults_.record(*fault);
    return FuseAnswer::fail(EIO);
  }
  return FuseAnswer::of(blocks.subspan(begin - first * kBlockSize, end - begin));
}

FuseAnswer LayerFile::attributes() {
  attr_ = {};
  attr_.attr_valid = kForeverSeconds;
  attr_.attr.ino = FUSE_ROOT_ID;
  attr_.attr.size = reader_.data_size().value;
  attr_.attr.blocks = attr_.attr.size / 512;
  attr_.attr.mode = S_IFREG | S_IRUSR;
  attr_.attr.nlink = 1;
  attr_.attr.blksize = kBlockSize;
  return FuseAnswer::of(std::as_bytes(std::span(&attr_, 1)));
}

FuseAnswer LayerFile::file_system() {
  statfs_ = {};
  statfs_.st.blocks = reader_.data_size().value / kBlockSize;
  statfs_.st.files = 1;
  statfs_.st.bsize = kBlockSize;
  statfs_.st.frsize = kBlockSize;
  return FuseAnswer::of(std::as_bytes(std::span(&statfs_, 1)));
}

}  // namespace

Result<std::unique_ptr<FuseHandler>> make_layer_file(const VerifiedReader& reader,
                                                     FaultLog& faults) {
  // A read that starts and ends within blocks touches one more than its size says.
  PageBuffer buffer = MOSB_TRY(PageBuffer::make(kMaxReadSize + kBlockSize));
  return std::unique_ptr<FuseHandler>(
      std::make_unique<LayerFile>(reader.fork(), faults, std::move(buffer)));
}

}  // namespace mosb::verity
