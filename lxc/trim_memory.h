#pragma once

namespace mosb::lxc {

/// Gives back what only the start needed: free heap, and the process's hold on the pages of its
/// programs' text, which come back one by one when they run again. A helper waits most of its life.
void trim_memory();

}  // namespace mosb::lxc
