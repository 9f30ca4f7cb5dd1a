#pragma once

#include <string>
#include <string_view>

namespace mosb::oci {

/// [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. Spec: OCI distribution 1.1 §Pulling manifests.
bool is_tag(std::string_view text);
/// Components as [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*, between slashes. Spec: as is_tag().
bool is_repository(const std::string& text);
/// HOST[:PORT], the host a domain, an IPv4 address or an IPv6 address in brackets.
bool is_host(const std::string& text);
/// A name that a layout may give a manifest: letters, digits and "-._:@/+", at most 255 bytes.
/// Spec: OCI image 1.1 §Pre-Defined Annotation Keys (org.opencontainers.image.ref.name).
bool is_ref_name(std::string_view text);

}  // namespace mosb::oci
