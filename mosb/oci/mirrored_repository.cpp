#include "mosb/oci/mirrored_repository.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <variant>

#include "mosb/oci/connected_registry.h"

namespace mosb::oci {

namespace {

/// A blob of up to this size is passed on when all of it has been checked, so that wrong content
/// can be had right from the next place.
constexpr ByteCount kKeptInMemory{4 * kMiB};

}  // namespace

class MirroredRepository::Refusals {
 public:
  void add(const AskedPlace& asked, const Error& why) {
    if (asked.is_registry) {
      registry_ = why;
    } else {
      mirrors_ += "; mirror " + asked.place.name + ": " + why.message();
    }
  }
  /// What the registry itself said decides, whether it was asked last or not.
  Error error() const {
    Error all(registry_->code(), registry_->message() + mirrors_);
    return registry_->hint().empty() ? all : std::move(all).with_hint(registry_->hint());
  }

 private:
  std::optional<Error> registry_;
  std::string mirrors_;
};

MirroredRepository::MirroredRepository(std::vector<Place> mirrors, Place registry, Left on_left)
    : on_left_(std::move(on_left)) {
  for (Place& mirror : mirrors) {
    places_.push_back({.place = std::move(mirror)});
  }
  places_.push_back({.place = std::move(registry), .is_registry = true});
}

Result<Repository*> MirroredRepository::enter(AskedPlace& asked) {
  const std::lock_guard lock(mutex_);
  if (asked.failure) {
    return *asked.failure;
  }
  if (!asked.repository) {
    asked.repository = MOSB_TRY(asked.place.open());
  }
  return asked.repository.get();
}

void MirroredRepository::leave(AskedPlace& asked, const Error& why) {
  const std::lock_guard lock(mutex_);
  if (asked.failure) {
    return;
  }
  if (!asked.is_registry && why.code() != Errc::kNotFound) {
    asked.failure = why;
  }
  on_left_(asked.place.name, why);
}

template <class T, class Ask>
Result<T> MirroredRepository::first_answer(const std::vector<std::size_t>& order, Ask ask) {
  Refusals refusals;
  for (const std::size_t number : order) {
    AskedPlace& asked = places_[number];
    const auto entered = enter(asked);
    Result<T> answer = entered ? ask(**entered, number) : Result<T>(entered.error());
    if (answer) {
      return answer;
    }
    refusals.add(asked, answer.error());
    if (number != order.back()) {
      leave(asked, answer.error());
    }
  }
  return refusals.error();
}

std::vector<std::size_t> MirroredRepository::in_order() const {
  std::vector<std::size_t> order(places_.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<std::size_t> MirroredRepository::resolver_first() const {
  std::vector<std::size_t> order;
  if (resolver_) {
    order.push_back(*resolver_);
  }
  for (const std::size_t number : in_order()) {
    if (number != resolver_) {
      order.push_back(number);
    }
  }
  return order;
}

Result<Repository*> MirroredRepository::registry() {
  return enter(places_.back());
}

Result<Descriptor> MirroredRepository::resolve(const Reference& reference) {
  return first_answer<Descriptor>(in_order(), [&](Repository& from, std::size_t number) {
    auto resolved = from.resolve(reference);
    if (resolved) {
      resolver_ = number;
    }
    return resolved;
  });
}

Result<std::string> MirroredRepository::read_manifest(const Descriptor& descriptor) {
  return first_answer<std::string>(resolver_first(), [&](Repository& from, std::size_t /*number*/) {
    return from.read_manifest(descriptor);
  });
}

Result<unsigned> MirroredRepository::stream_blob(const Descriptor& descriptor,
                                                 std::uint64_t from,
                                                 const BlobSink& sink) {
  return from == 0 && descriptor.size <= kKeptInMemory.value ? stream_checked(descriptor, sink)
                                                             : stream_on(descriptor, from, sink);
}

Status MirroredRepository::read_part(const Descriptor& descriptor,
                                     std::uint64_t from,
                                     std::span<std::byte> out) {
  Refusals refusals;
  for (AskedPlace& asked : places_) {
    const auto entered = enter(asked);
    const Status read =
        entered ? (*entered)->read_part(descriptor, from, out) : Status(entered.error());
    if (read) {
      return ok();
    }
    // A place that gives no parts may have the whole.
    refusals.add(asked, read.error());
  }
  return refusals.error();
}

Result<unsigned> MirroredRepository::stream_checked(const Descriptor& descriptor,
                                                    const BlobSink& sink) {
  const std::string bytes = MOSB_TRY(
      first_answer<std::string>(in_order(), [&](Repository& place, std::size_t /*number*/) {
        return place.read_blob(descriptor, kKeptInMemory);
      }));
  MOSB_CHECK(sink(std::as_bytes(std::span(bytes))));
  return 1U;
}

Result<unsigned> MirroredRepository::stream_on(const Descriptor& descriptor,
                                               std::uint64_t from,
                                               const BlobSink& sink) {
  BlobCheck check(descriptor);
  std::uint64_t given = from;
  unsigned parts = 0;
  std::optional<Error> refused_by_sink;
  std::optional<Error> wrong;
  const auto stream = [&](Repository& place, std::size_t /*number*/) -> Status {
    if (given == descriptor.size) {
      return ok();  // the sink takes no more
    }
    const bool gives_all = given == 0;
    const auto streamed =
        place.stream_blob(descriptor, given, [&](std::span<const std::byte> piece) -> Status {
          if (from == 0) {
            MOSB_CHECK(check.update(piece));
          }
          given += piece.size();
          const Status taken = sink(piece);
          if (!taken) {
            refused_by_sink = taken.error();
          }
          return taken;
        });
    parts += streamed ? *streamed : 1;
    if (refused_by_sink) {
      return ok();  // no place is to blame for it
    }
    MOSB_CHECK(streamed);
    const Status checked = gives_all ? check.finish() : ok();
    if (!checked) {
      wrong = checked.error();
    }
    return checked;
  };
  MOSB_CHECK(first_answer<std::monostate>(in_order(), stream));
  if (refused_by_sink) {
    return *refused_by_sink;
  }
  if (wrong) {
    return std::move(*wrong).context("blob " + descriptor.digest.str() + " of the mirrors of " +
                                     places_.back().place.name);
  }
  return parts;
}

unsigned MirroredRepository::parallel_fetches() const {
  return ConnectedRegistry::kParallelFetches;
}

Result<std::vector<Descriptor>> MirroredRepository::referrers(const Descriptor& subject,
                                                              const std::string& artifact_type) {
  using List = std::vector<Descriptor>;
  bool answered = false;
  const auto list = [&](Repository& from, std::size_t /*number*/) -> Result<List> {
    auto listed = from.referrers(subject, artifact_type);
    answered = answered || listed;
    if (listed && listed->empty()) {
      return Error(Errc::kNotFound, "it lists no referrers of " + subject.digest.str());
    }
    return listed;
  };
  auto listed = first_answer<List>(resolver_first(), list);
  if (listed || !answered) {
    return listed;
  }
  if (listed.error().code() != Errc::kNotFound) {
    leave(places_.back(), listed.error());
  }
  return List();
}

Status MirroredRepository::push_blob(const Descriptor& descriptor, const BlobSource& source) {
  return MOSB_TRY(registry())->push_blob(descriptor, source);
}

Status MirroredRepository::push_manifest(const Descriptor& descriptor,
                                         std::string_view bytes,
                                         const std::optional<std::string>& tag) {
  return MOSB_TRY(registry())->push_manifest(descriptor, bytes, tag);
}

Status MirroredRepository::push_referrer(const Descriptor& manifest,
                                         std::string_view bytes,
                                         const Descriptor& subject) {
  return MOSB_TRY(registry())->push_referrer(manifest, bytes, subject);
}

}  // namespace mosb::oci
