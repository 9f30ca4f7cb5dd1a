#include "tests/trust/vectors.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "mosb/base/file.h"
#include "mosb/oci/media_types.h"

namespace mosb::test {

namespace fs = std::filesystem;

namespace {

constexpr ByteCount kMost{64 * kMiB};

std::string config_of(const std::string& name, const std::string& config) {
  const std::string own = notation_data("cases/" + name);
  if (fs::exists(own + "/config")) {
    return own + "/config";
  }
  return notation_data("configs/" + config);
}

oci::Descriptor push_envelope(oci::Layout& layout, const std::string& envelope, bool jws) {
  const oci::Descriptor blob = oci::describe(jws ? oci::kJws : oci::kCose, envelope);
  must(layout.push_blob(blob, oci::BlobSource::bytes(envelope)));
  return blob;
}

void attach(oci::Layout& layout, const std::string& dir, const std::string& prefix) {
  const bool jws = fs::exists(dir + "/" + prefix + "signature.jws");
  const std::string envelope =
      must(read_file(dir + "/" + prefix + (jws ? "signature.jws" : "signature.cose"), kMost));
  const std::string manifest = must(read_file(
      dir + "/" + prefix + (prefix.empty() ? "signature-manifest.json" : "manifest.json"), kMost));
  push_envelope(layout, envelope, jws);
  must(layout.push_blob(oci::describe(oci::kNotarySignature, "{}"), oci::BlobSource::bytes("{}")));
  oci::Descriptor descriptor = oci::describe(oci::kImageManifest, manifest);
  descriptor.artifact_type = oci::kNotarySignature;
  must(layout.push_referrer(descriptor, manifest, vector_subject()));
}

}  // namespace

void stop(const Error& error) {
  throw std::runtime_error(std::string(errc_name(error.code())) + ": " + error.message());
}

std::string notation_data(const std::string& path) {
  return std::string(MOSB_TEST_DATA) + "/notation" + (path.empty() ? "" : "/" + path);
}

std::string notation_file(const std::string& path) {
  return must(read_file(notation_data(path), kMost));
}

Json notation_json(const std::string& path) {
  return must(json::parse(notation_file(path), kMost));
}

const Clock& vector_clock() {
  static const FixedClock clock(std::chrono::sys_days(std::chrono::year(2026) / 11 / 25));
  return clock;
}

TempDir make_temp_dir() {
  return must(TempDir::make(fs::temp_directory_path().string(), "mosb-trust-"));
}

void copy_tree(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive);
  fs::permissions(to, fs::perms(0755));
  for (const auto& entry : fs::recursive_directory_iterator(to)) {
    fs::permissions(entry.path(), fs::perms(entry.is_directory() ? 0755 : 0644));
  }
}

void write_file(const std::string& path, const std::string& text, unsigned mode) {
  must(write_file_atomic(path, text, mode));
}

std::vector<Vector> notation_vectors() {
  std::vector<Vector> vectors;
  for (const auto& entry : fs::directory_iterator(notation_data("cases"))) {
    const std::string name = entry.path().filename();
    const Json expected = notation_json("cases/" + name + "/expected.json");
    vectors.push_back(Vector{name,
                             expected.at("exit_code") == 0,
                             expected.at("reason"),
                             config_of(name, expected.at("config"))});
  }
  std::sort(vectors.begin(), vectors.end(), [](const Vector& a, const Vector& b) {
    return a.name < b.name;
  });
  return vectors;
}

oci::Descriptor vector_subject() {
  return oci::describe(oci::kImageManifest, notation_file("subject/subject-manifest.json"));
}

oci::Layout layout_with_case(const std::string& dir, const std::string& name) {
  oci::Layout layout = must(oci::Layout::open_or_create(dir));
  for (const auto& [type, file] : {std::pair(oci::kImageConfig, "subject/config.json"),
                                   std::pair("application/octet-stream", "subject/layer.txt")}) {
    const std::string bytes = notation_file(file);
    must(layout.push_blob(oci::describe(type, bytes), oci::BlobSource::bytes(bytes)));
  }
  must(layout.push_manifest(
      vector_subject(), notation_file("subject/subject-manifest.json"), std::nullopt));
  const std::string from = notation_data("cases/" + name);
  if (!fs::exists(from + "/0-manifest.json")) {
    attach(layout, from, "");
    return layout;
  }
  for (int i = 0; fs::exists(from + "/" + std::to_string(i) + "-manifest.json"); ++i) {
    attach(layout, from, std::to_string(i) + "-");
  }
  return layout;
}

}  // namespace mosb::test
