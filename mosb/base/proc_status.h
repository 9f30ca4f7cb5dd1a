#pragma once

#include <map>
#include <string>
#include <string_view>

namespace mosb {

/// Runs of blanks become one space; none at the ends.
std::string squeeze_blanks(std::string_view text);

/// The fields of /proc/PID/status by their names, values with squeezed blanks. Of a name that stood
/// twice the values would follow each other, so that no line hides another. Spec: proc(5).
std::map<std::string, std::string> parse_proc_status(std::string_view text);

}  // namespace mosb
