#include "mosb/trust/keyset_readme.h"

namespace mosb::trust {

namespace {

/// What `openssl req -subj` takes, as one word of a shell.
std::string shell_subject(const std::vector<std::pair<std::string, std::string>>& subject) {
  std::string out = "'";
  for (const auto& [type, value] : subject) {
    out += "/" + type + "=";
    for (const char c : value) {
      if (c == '/' || c == '+' || c == '\\') {
        out += '\\';
      }
      out += c == '\'' ? "'\\''" : std::string(1, c);
    }
  }
  return out + "'";
}

}  // namespace

std::string print_keyset_readme(const KeysetReadme& content) {
  return R"md(# A keyset made by `mosb keyset create`

| File | What | Who needs it |
|---|---|---|
| `root.key` | private key of the root certificate authority | **nobody, day by day**: keep it offline |
| `root.crt` | the root certificate | whoever verifies |
| `signing.key` | private key that signs | the machine that signs, nobody else |
| `signing.crt` | its certificate, issued by the root | - |
| `signing-chain.pem` | `signing.crt`, then `root.crt` | the machine that signs |
| `notation/` | a notation configuration that trusts this signer strictly | every host that verifies |

Guard `root.key`: whoever has it can issue certificates that every host with `notation/` trusts. Move
it to a medium that is in no computer, and bring it back only to issue a new signing certificate.
Guard `signing.key` too: whoever has it can sign what your hosts will run. Neither file belongs into
an image, a repository or a backup that others read.

The trust policy accepts one signer:

    )md" +
         content.trusted_identity +
         R"md(

## A new signing certificate

Before `signing.crt` expires, with `root.key` at hand:

    openssl req -new -key signing.key -utf8 -out signing.csr -subj )md" +
         shell_subject(content.subject) +
         R"md(
    printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
        extendedKeyUsage=codeSigning > signing.ext
    openssl x509 -req -in signing.csr -CA root.crt -CAkey root.key -sha256 -days 1095 \
        -set_serial "0x$(openssl rand -hex 15)" -extfile signing.ext -out signing.crt
    cat signing.crt root.crt > signing-chain.pem

For a new key too, make it before: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
-out signing.key`. Hosts need nothing new: they trust the root and the name. A lost `signing.key`
stays good until its certificate expires; if that is too long, make a new keyset and replace
`notation/` on every host.
)md";
}

}  // namespace mosb::trust
