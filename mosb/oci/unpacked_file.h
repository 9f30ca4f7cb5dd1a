#pragma once

#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"

namespace mosb::oci {

/// How a file is compressed as a whole.
enum class FileCompression { kNone, kGzip, kZstd };

/// By its first bytes. Errors: kNotFound, kContent if it is no regular file.
/// Spec: RFC 1952 §2.3.1 (gzip), RFC 8878 §3.1.1 (zstd).
Result<FileCompression> find_compression(const std::string& file);

/// Writes what is compressed in `from` into `to`, a new file; the value is the digest of that. What
/// it is, and other compressions than the one that is named, are not looked for. Errors: kContent
/// for what is not compressed in this way, is cut, or more than `limit`; kResource.
Result<Digest> unpack_file(const std::string& from,
                           FileCompression compression,
                           const std::string& to,
                           ByteCount limit);

}  // namespace mosb::oci
