#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "mosb/base/result.h"
#include "mosb/net/nl_library.h"

namespace mosb::net {

/// A message to the kernel while it is put together.
class NetlinkMessage {
 public:
  /// `type`: RTM_NEWLINK and so on; `flags` besides NLM_F_REQUEST and NLM_F_ACK.
  /// Errors: kHost without libnl, kResource.
  static Result<NetlinkMessage> make(int type, int flags);

  /// A struct as the kernel's headers have it: the message's own, or one inside an attribute.
  template <class Header>
  NetlinkMessage& append(const Header& header) {
    return append_bytes(std::as_bytes(std::span(&header, 1)));
  }
  NetlinkMessage& put(int attribute, std::span<const std::byte> bytes);
  NetlinkMessage& put(int attribute, const std::string& text);
  NetlinkMessage& put_u8(int attribute, std::uint8_t value);
  NetlinkMessage& put_u32(int attribute, std::uint32_t value);
  /// What `fill` puts lies inside the attribute.
  NetlinkMessage& nest(int attribute, const std::function<void(NetlinkMessage&)>& fill);

  /// Whether all of it found room.
  bool is_whole() const { return whole_; }
  nl_msg* get() const { return message_.get(); }

 private:
  NetlinkMessage(const NlLibrary& nl, nl_msg* message) : nl_(&nl), message_(message, nl.msg_free) {}
  NetlinkMessage& append_bytes(std::span<const std::byte> bytes);

  const NlLibrary* nl_;
  std::unique_ptr<nl_msg, void (*)(nl_msg*)> message_;
  bool whole_ = true;
};

}  // namespace mosb::net
