#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"
#include "verity/mounted_image.h"

namespace mosb::verity {

/// A run directory, a place for blobs and an instance id of its own, with everything that is needed
/// to see whether a test left something in the kernel. Layers are verified by servers, with
/// MOSB_TEST_VERIFIER=dm by the kernel; cases with the tag
/// [server] are about servers that check, those with [view] about servers that shift ids with
/// either verifier, those with [slow] take long under software emulation.
class MountFixture {
 public:
  MountFixture();
  MountFixture(const MountFixture&) = delete;
  MountFixture& operator=(const MountFixture&) = delete;
  MountFixture(MountFixture&&) = delete;
  MountFixture& operator=(MountFixture&&) = delete;
  /// Unmounts and collects whatever a failed test left.
  ~MountFixture();

  const std::string& dir() const { return dir_.path(); }
  const MountEnvironment& environment() const { return environment_; }
  /// Makes a directory below dir().
  std::string make_dir(const std::string& name) const;

  /// A layer of the files that `fill` puts into an empty directory. Its content, so its root hash,
  /// is unlike any other's on the host.
  LayerSource build_layer(const std::string& name,
                          const std::function<void(const std::string& tree)>& fill);
  /// The same as an erofs image that mkfs.erofs makes with these options.
  LayerSource build_erofs_layer(const std::string& name,
                                const std::function<void(const std::string& tree)>& fill,
                                const std::vector<std::string>& options = {"-zlz4hc"});
  /// A layer with one file "<name>.txt" that says `name`.
  LayerSource build_simple_layer(const std::string& name);
  /// The tree that a layer was built from.
  std::string tree(const std::string& name) const { return dir() + "/trees/" + name; }

  /// One line for each mount, loop device, process and cgroup of this fixture, and for each file
  /// in its run directory that is not meant to stay. Waits a moment for what is on its way out.
  std::vector<std::string> leftovers() const;
  /// Process ids of the servers of this fixture's layers.
  std::vector<pid_t> servers() const;
  /// How many layers are checked now: by servers, or by the kernel.
  std::size_t verified_layers() const;
  /// A copy of the environment in which servers shift ids.
  MountEnvironment with_userspace_view() const;

 private:
  /// The directory that a layer is to be made from.
  std::string fill_tree(const std::string& name,
                        const std::function<void(const std::string& tree)>& fill) const;
  /// Puts the hash tree behind an image.
  LayerSource finish_layer(const std::string& blob, Filesystem filesystem);
  std::vector<std::string> leftovers_now() const;

  TempDir dir_;
  MountEnvironment environment_;
  std::vector<LayerSource> layers_;
};

/// Files, directories and links of several modes and owners.
void fill_sample_tree(const std::string& tree);
/// One file "large" whose bytes do not compress: reading it takes the server.
void fill_large_tree(const std::string& tree);
/// Two layers, shifted ids and a tmpfs: every kind of step is taken.
ImageMount full_image(MountFixture& fixture);
/// Writes a file with its parent directories.
void write_file(const std::string& path, const std::string& bytes, mode_t mode = 0644);
std::string slurp(const std::string& path);
/// errno of opening the file and reading all of it; 0 if that works.
int read_errno(const std::string& path);
/// Changes one bit of the file.
void flip_bit(const std::string& path, std::uint64_t offset);
/// Names, types, modes, owners (less `base`), sizes, link targets and file contents below a
/// directory, one line each, sorted.
std::vector<std::string> describe_tree(const std::string& dir, std::uint32_t base = 0);
/// Whether the condition comes true within five seconds.
bool eventually(const std::function<bool()>& condition);
/// Whether the process is in that state of proc(5), e.g. 'D'.
bool is_in_state(pid_t pid, char state);
/// Stops a process as SIGSTOP does, and returns when all of its threads stand still.
bool stop_process(pid_t pid);
/// Gives the calling process a mount namespace of its own in which /dev has these devices only.
void replace_dev(const std::vector<std::string>& names);
/// Runs `f` in a child process and returns the raw wait status.
int in_child(const std::function<void()>& f);

}  // namespace mosb::verity
