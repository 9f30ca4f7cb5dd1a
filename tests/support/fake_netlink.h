#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mosb/net/netlink.h"

namespace mosb::net {

/// Devices, addresses and settings of a made-up network namespace. Remembers every change as a
/// short line, and can be told to fail at one.
class FakeNetlink final : public Netlink {
 public:
  FakeNetlink() { add_link("lo", "", ""); }

  int add_link(const std::string& name, const std::string& kind, const std::string& alias) {
    const int index = ++*next_;
    all.push_back({.index = index, .name = name, .alias = alias, .kind = kind});
    return index;
  }
  Link* find(const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Link& link) { return link.name == name; });
    return found == all.end() ? nullptr : &*found;
  }
  /// The namespace that peers are made in; its changes stand among those of this one.
  FakeNetlink& inside() {
    if (!inside_) {
      inside_ = std::make_unique<FakeNetlink>();
      inside_->calls_ = calls_;
      inside_->fail_at_ = fail_at_;
      inside_->prefix_ = "inside: ";
    }
    return *inside_;
  }
  const std::vector<std::string>& calls() const { return *calls_; }
  void forget_calls() { calls_->clear(); }
  /// The change of this number, from 1 over all so far and later, does nothing and is an error.
  void fail_at(std::size_t call) { *fail_at_ = call; }

  Result<std::vector<Link>> links() override { return all; }
  Result<std::vector<IpPrefix>> addresses(int index) override { return of[index]; }
  Result<std::vector<Neighbour>> neighbours(int index) override { return known[index]; }
  Status forget_neighbour(int index, const IpAddress& address) override {
    MOSB_CHECK(call("forget " + address.str()));
    std::erase_if(known[index], [&](const Neighbour& n) { return n.address == address; });
    return ok();
  }
  Status make_bridge(const std::string& name, const std::string& alias) override {
    MOSB_CHECK(call("make bridge " + name));
    add_link(name, "bridge", alias);
    return ok();
  }
  Status make_veth(const VethPair& pair) override {
    MOSB_CHECK(call("make veth " + pair.name));
    const int index = add_link(pair.name, "veth", pair.alias);
    find(pair.name)->master = pair.master;
    peers_[index] = inside().add_link(pair.peer_name, "veth", "");
    return ok();
  }
  Status set_bridge_port(int index, bool hairpin, bool isolated) override {
    return call("port " + name_of(index) + (hairpin ? " hairpin" : "") +
                (isolated ? " isolated" : ""));
  }
  Status set_master(int index, int master) override {
    MOSB_CHECK(call("attach " + name_of(index) + " to " + name_of(master)));
    find(name_of(index))->master = master;
    return ok();
  }
  Status add_address(int index, const IpPrefix& address) override {
    MOSB_CHECK(call("address " + name_of(index) + " " + address.str()));
    of[index].push_back(address);
    return ok();
  }
  Status add_default_route(int index, const IpAddress& gateway) override {
    return call("route " + name_of(index) + " " + gateway.str());
  }
  Status set_up(int index) override {
    MOSB_CHECK(call("up " + name_of(index)));
    find(name_of(index))->up = true;
    return ok();
  }
  Status remove(int index) override {
    MOSB_CHECK(call("remove " + name_of(index)));
    std::erase_if(all, [&](const Link& link) { return link.index == index; });
    of.erase(index);
    if (peers_.contains(index)) {
      std::erase_if(inside().all, [&](const Link& link) { return link.index == peers_[index]; });
    }
    return ok();
  }
  Status in_namespace(int /*netns*/, const std::function<Status(Netlink&)>& work) override {
    return work(inside());
  }
  Result<std::optional<std::string>> setting(const std::string& name) override {
    const auto found = settings.find(name);
    return found == settings.end() ? std::nullopt : std::optional<std::string>(found->second);
  }
  Status set(const std::string& name, const std::string& value) override {
    MOSB_CHECK(call("set " + name + " " + value));
    settings[name] = value;
    return ok();
  }

  std::vector<Link> all;
  std::map<int, std::vector<IpPrefix>> of;
  std::map<int, std::vector<Neighbour>> known;
  std::map<std::string, std::string> settings;

 private:
  std::string name_of(int index) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Link& link) { return link.index == index; });
    return found == all.end() ? "?" : found->name;
  }
  Status call(const std::string& line) {
    calls_->push_back(prefix_ + line);
    if (calls_->size() == *fail_at_) {
      return Error(Errc::kNetSetup, line + " (made to fail)");
    }
    return ok();
  }

  std::shared_ptr<std::vector<std::string>> calls_ = std::make_shared<std::vector<std::string>>();
  std::shared_ptr<std::size_t> fail_at_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<int> next_ = std::make_shared<int>(0);
  std::unique_ptr<FakeNetlink> inside_;
  std::map<int, int> peers_;
  std::string prefix_;
};

}  // namespace mosb::net
