#include "mosb/cli/image_destination.h"

#include <cstdlib>

#include "mosb/agent/repositories.h"
#include "mosb/base/number.h"
#include "mosb/oci/archive.h"
#include "mosb/oci/scratch.h"

namespace mosb::cli {

Result<oci::Descriptor> make_image_at(
    Session& session,
    const oci::Reference& ref,
    bool insecure,
    const std::function<Result<oci::Descriptor>(oci::Repository& to, const std::string& temp_dir)>&
        make) {
  const std::string temp_dir = MOSB_TRY(oci::private_temp_dir());
  if (ref.kind == oci::Reference::Kind::kArchive) {
    oci::Archive archive = MOSB_TRY(oci::Archive::create(temp_dir));
    oci::Descriptor made = MOSB_TRY(make(archive, temp_dir));
    MOSB_CHECK(archive.save(ref.path));
    return made;
  }
  agent::OpenOptions options;
  options.insecure = insecure;
  options.notation_config = session.notation_config_if_any();
  options.create = true;
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const auto to = MOSB_TRY(agent::open_repository(ref, configuration, options));
  return make(*to, temp_dir);
}

Result<std::uint32_t> source_date_epoch() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program sets the environment
  const char* const text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr) {
    return std::uint32_t{0};
  }
  const std::uint64_t time =
      MOSB_TRY(parse_uint(text, 0, UINT32_MAX).context("SOURCE_DATE_EPOCH").as(Errc::kUsage));
  return static_cast<std::uint32_t>(time);
}

}  // namespace mosb::cli
