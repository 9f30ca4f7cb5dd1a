#include "mosb/net/netlink_message.h"

namespace mosb::net {

Result<NetlinkMessage> NetlinkMessage::make(int type, int flags) {
  const NlLibrary& nl = *MOSB_TRY(nl_library());
  nl_msg* const message = nl.msg_alloc_simple(type, flags);
  if (message == nullptr) {
    return Error(Errc::kResource, "no memory for a netlink message");
  }
  return NetlinkMessage(nl, message);
}

NetlinkMessage& NetlinkMessage::append_bytes(std::span<const std::byte> bytes) {
  // libnl takes what it copies from as void*.
  void* const from = const_cast<std::byte*>(bytes.data());
  whole_ = nl_->msg_append(get(), from, bytes.size(), NLMSG_ALIGNTO) == 0 && whole_;
  return *this;
}

NetlinkMessage& NetlinkMessage::put(int attribute, std::span<const std::byte> bytes) {
  whole_ =
      nl_->attr_put(get(), attribute, static_cast<int>(bytes.size()), bytes.data()) == 0 && whole_;
  return *this;
}

NetlinkMessage& NetlinkMessage::put(int attribute, const std::string& text) {
  return put(attribute, std::as_bytes(std::span(text.c_str(), text.size() + 1)));
}

NetlinkMessage& NetlinkMessage::put_u8(int attribute, std::uint8_t value) {
  return put(attribute, std::as_bytes(std::span(&value, 1)));
}

NetlinkMessage& NetlinkMessage::put_u32(int attribute, std::uint32_t value) {
  return put(attribute, std::as_bytes(std::span(&value, 1)));
}

NetlinkMessage& NetlinkMessage::nest(int attribute,
                                     const std::function<void(NetlinkMessage&)>& fill) {
  nlattr* const start = nl_->attr_nest_start(get(), attribute | NLA_F_NESTED);
  if (start == nullptr) {
    whole_ = false;
    return *this;
  }
  fill(*this);
  (void)nl_->attr_nest_end(get(), start);
  return *this;
}

}  // namespace mosb::net
