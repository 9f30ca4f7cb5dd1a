#include "tests/trust/notation.h"

#include <cstdlib>
#include <filesystem>

#include "mosb/base/clock.h"
#include "mosb/base/json.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/media_types.h"
#include "tests/trust/vectors.h"

namespace mosb::test {

namespace {

/// The folder that the script prints on its last line.
std::string fetch_folder() {
  Command command;
  command.argv = {"bash", MOSB_FETCH_NOTATION};
  command.timeout = std::chrono::seconds(300);
  for (const char* const name : {"PATH", "HOME", "http_proxy", "https_proxy"}) {
    if (const char* const value = std::getenv(name)) {
      command.env.push_back(std::string(name) + "=" + value);
    }
  }
  RealProcessRunner runner;
  const Completed done = must(runner.run(command));
  if (done.status != 0) {
    stop(Error(Errc::kNotFound, "notation cannot be fetched: " + done.err));
  }
  std::string out = done.out;
  while (!out.empty() && out.back() == '\n') {
    out.pop_back();
  }
  return out.substr(out.rfind('\n') + 1);
}

std::string find_program() {
  const char* const given = std::getenv("MOSB_NOTATION");
  std::string path = given != nullptr && *given != '\0' ? given : fetch_folder();
  if (std::filesystem::is_directory(path)) {
    path += "/notation";
  }
  if (!std::filesystem::exists(path)) {
    stop(Error(Errc::kNotFound, "there is no notation at " + path));
  }
  return path;
}

}  // namespace

const std::string& notation_program() {
  static const std::string program = find_program();
  return program;
}

NotationSigner make_notation_signer(trust::SignatureAlgorithm algorithm) {
  TempDir temp = make_temp_dir();
  const trust::Keyset keyset =
      must(trust::create_keyset(temp.path() + "/keys", {"Peer, <test>", algorithm}, RealClock()));
  const Json keys{
      {"default", "test"},
      {"keys",
       {{{"name", "test"}, {"keyPath", keyset.signing_key}, {"certPath", keyset.signing_chain}}}}};
  write_file(keyset.notation_dir + "/signingkeys.json", keys.dump(), 0600);
  return {std::move(temp), keyset};
}

Completed run_notation(const std::string& config_dir, const std::vector<std::string>& arguments) {
  Command command;
  command.argv = {notation_program()};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = {"NOTATION_CONFIG=" + config_dir,
                 "NOTATION_CACHE=" + config_dir + "/cache",
                 "NOTATION_EXPERIMENTAL=1",
                 "HOME=" + config_dir,
                 "PATH=/usr/bin:/bin"};
  RealProcessRunner runner;
  return must(runner.run(command));
}

const char* notation_format(trust::EnvelopeFormat format) {
  return format == trust::EnvelopeFormat::kCose ? "cose" : "jws";
}

oci::Descriptor push_image(oci::Repository& repository, const std::string& tag) {
  const auto push = [&](const char* type, const std::string& bytes) {
    const oci::Descriptor blob = oci::describe(type, bytes);
    must(repository.push_blob(blob, oci::BlobSource::bytes(bytes)));
    return blob;
  };
  oci::Manifest manifest{
      .config = push(oci::kImageConfig,
                     R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers",)"
                     R"("diff_ids":[]}})")};
  manifest.layers = {push("application/octet-stream", "content of " + tag)};
  const std::string bytes = manifest.print();
  const oci::Descriptor descriptor = oci::describe(oci::kImageManifest, bytes);
  must(repository.push_manifest(descriptor, bytes, tag));
  return descriptor;
}

}  // namespace mosb::test
