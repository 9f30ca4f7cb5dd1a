#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/temp_dir.h"
#include "mosb/trust/private_key.h"
#include "tests/support/must.h"

namespace mosb::trust {
namespace {

/// A folder with keys and certificates that openssl made.
class Keys {
 public:
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  void openssl(std::vector<std::string> argv) const {
    argv.insert(argv.begin(), "openssl");
    RealProcessRunner runner;
    const Completed done = must(runner.run({.argv = std::move(argv)}));
    INFO(done.err);
    REQUIRE(done.status == 0);
  }
  /// NAME.key in PEM and NAME.der.
  void make(const std::string& name, const std::string& algorithm) const {
    openssl({"req",
             "-x509",
             "-new",
             "-nodes",
             "-newkey",
             algorithm,
             "-keyout",
             path(name + ".key"),
             "-out",
             path(name + ".pem"),
             "-subj",
             "/CN=" + name,
             "-pkeyopt",
             algorithm == "ec" ? "ec_paramgen_curve:P-256" : "rsa_keygen_bits:2048"});
    openssl({"x509", "-in", path(name + ".pem"), "-outform", "der", "-out", path(name + ".der")});
  }
  std::string read(const std::string& name) const {
    return must(read_file(path(name), ByteCount{64 * kKiB}));
  }
  Result<Bytes> sign(const std::string& key,
                     const std::string& certificate,
                     const std::string& content) const {
    const Certificate own = must(Certificate::from_der(as_bytes(read(certificate + ".der"))));
    return must(PrivateKey::from_pem(read(key + ".key"))).sign_pkcs7(own, content);
  }

 private:
  TempDir dir_ = must(TempDir::make("/tmp", "mosb-pkcs7-"));
};

std::string text_of(const Bytes& bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

TEST_CASE("a detached signature is the one that openssl smime makes, each time", "[trust]") {
  const Keys keys;
  keys.make("signer", "rsa");
  const std::string content = "line\r\nand \n no end";
  REQUIRE(write_file_atomic(keys.path("content"), content, 0600));
  keys.openssl({"smime",
                "-sign",
                "-binary",
                "-noattr",
                "-nocerts",
                "-outform",
                "der",
                "-in",
                keys.path("content"),
                "-out",
                keys.path("signature"),
                "-inkey",
                keys.path("signer.key"),
                "-signer",
                keys.path("signer.pem")});
  CHECK(text_of(must(keys.sign("signer", "signer", content))) == keys.read("signature"));
  CHECK(must(keys.sign("signer", "signer", content)) ==
        must(keys.sign("signer", "signer", content)));
}

TEST_CASE("a detached signature needs an RSA key and its own certificate", "[trust]") {
  const Keys keys;
  keys.make("signer", "rsa");
  keys.make("other", "rsa");
  keys.make("curve", "ec");
  const auto refused = [&](const std::string& key, const std::string& certificate) {
    const auto made = keys.sign(key, certificate, "x");
    return !made && made.error().code() == Errc::kContent;
  };
  CHECK(refused("signer", "other"));
  CHECK(refused("curve", "curve"));
  CHECK_FALSE(refused("signer", "signer"));
}

}  // namespace
}  // namespace mosb::trust
