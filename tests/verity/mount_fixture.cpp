#include "tests/verity/mount_fixture.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/hash_tree.h"
#include "verity/loop_device.h"
#include "verity/mount_table.h"
#include "verity/verity_device.h"

namespace mosb::verity {

namespace fs = std::filesystem;

namespace {

std::string random_hex() {
  std::random_device device;
  std::ostringstream out;
  out << std::hex << std::setfill('0') << std::setw(8) << device();
  return out.str();
}

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<int> loop_numbers() {
  std::vector<int> numbers;
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("loop") && fs::exists(entry.path() / "loop")) {
      numbers.push_back(std::stoi(name.substr(4)));
    }
  }
  return numbers;
}

void run(const std::vector<std::string>& argv) {
  RealProcessRunner runner;
  const Completed completed = must(runner.run(Command{argv, {"PATH=/usr/bin:/bin"}, ""}));
  if (completed.status != 0) {
    throw std::runtime_error(argv[0] + ": " + completed.err);
  }
}

}  // namespace

MountFixture::MountFixture() : dir_(must(TempDir::make("/tmp", "mosb-mount-"))) {
  environment_.run_dir = make_dir("run");
  environment_.libexec_dir = MOSB_BIN_DIR;
  environment_.instance = random_hex();
  const char* verifier = std::getenv("MOSB_TEST_VERIFIER");
  environment_.verifier =
      verifier != nullptr && std::string_view(verifier) == "dm" ? Verifier::kDm : Verifier::kFuse;
}

MountFixture::~MountFixture() {
  const auto table = MountTable::read();
  if (table) {
    for (auto entry = table->entries().rbegin(); entry != table->entries().rend(); ++entry) {
      if (entry->mount_point.starts_with(dir() + "/")) {
        ::umount2(entry->mount_point.c_str(), MNT_DETACH);
      }
    }
  }
  for (const pid_t pid : servers()) {
    ::kill(pid, SIGKILL);
  }
  (void)collect_garbage(environment_);
}

std::string MountFixture::make_dir(const std::string& name) const {
  const std::string path = dir() + "/" + name;
  must(sys::mkdir_all(path, 0700));
  return path;
}

std::string MountFixture::fill_tree(const std::string& name,
                                    const std::function<void(const std::string&)>& fill) const {
  const std::string source = make_dir("trees/" + name);
  ::chmod(source.c_str(), 0755);
  write_file(source + "/.unique-" + name, random_hex() + environment_.instance);
  fill(source);
  return source;
}

LayerSource MountFixture::finish_layer(const std::string& blob, Filesystem filesystem) {
  const HashTreeResult result = must(append_hash_tree(blob));
  layers_.push_back(LayerSource{blob,
                                result.file_size,
                                result.root_hash,
                                Digest::of(std::string_view(read_all(blob))),
                                filesystem});
  return layers_.back();
}

LayerSource MountFixture::build_layer(const std::string& name,
                                      const std::function<void(const std::string&)>& fill) {
  const std::string source = fill_tree(name, fill);
  const std::string blob = make_dir("blobs") + "/" + name;
  run({"mksquashfs", source, blob, "-noappend", "-quiet", "-no-progress", "-comp", "gzip"});
  return finish_layer(blob, Filesystem::kSquashfs);
}

LayerSource MountFixture::build_erofs_layer(const std::string& name,
                                            const std::function<void(const std::string&)>& fill,
                                            const std::vector<std::string>& options) {
  const std::string source = fill_tree(name, fill);
  const std::string blob = make_dir("blobs") + "/" + name;
  std::vector<std::string> argv{"mkfs.erofs", "--quiet"};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {blob, source});
  run(argv);
  return finish_layer(blob, Filesystem::kErofs);
}

LayerSource MountFixture::build_simple_layer(const std::string& name) {
  return build_layer(
      name, [&](const std::string& tree) { write_file(tree + "/" + name + ".txt", name); });
}

MountEnvironment MountFixture::with_userspace_view() const {
  MountEnvironment environment = environment_;
  environment.force_userspace_view = true;
  return environment;
}

std::vector<pid_t> MountFixture::servers() const {
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    // A process that is gone by now has none.
    const auto text = read_kernel_file(entry.path().string() + "/cmdline", ByteCount{kMiB});
    const std::string command = text ? *text : "";
    const bool ours = std::any_of(layers_.begin(), layers_.end(), [&](const LayerSource& layer) {
      return command.find(layer.root_hash.hex()) != std::string::npos;
    });
    if (ours) {
      pids.push_back(static_cast<pid_t>(std::stoi(name)));
    }
  }
  return pids;
}

std::size_t MountFixture::verified_layers() const {
  return environment_.verifier == Verifier::kDm ? list_verity_devices(environment_).size()
                                                : servers().size();
}

std::vector<std::string> MountFixture::leftovers_now() const {
  std::vector<std::string> found;
  const MountTable table = must(MountTable::read());
  for (const MountEntry& entry : table.entries()) {
    if (entry.mount_point.starts_with(dir() + "/")) {
      found.push_back("mount " + entry.mount_point);
    }
  }
  for (const int number : loop_numbers()) {
    const auto facts = must(read_loop_facts(number));
    for (const LayerSource& layer : layers_) {
      if (facts && facts->tag == loop_tag(layer.root_hash.hex())) {
        found.push_back("loop device " + std::to_string(number));
      }
    }
  }
  for (const NamedDevice& device : list_verity_devices(environment_)) {
    found.push_back("verity device " + device.name);
  }
  for (const pid_t pid : servers()) {
    found.push_back("process " + std::to_string(pid));
  }
  const auto cgroup = Cgroup::at("mosb-" + environment_.instance);
  if (cgroup && cgroup->exists()) {
    found.push_back("cgroup " + cgroup->name());
  }
  for (const char* sub : {"layers", "images"}) {
    const std::string path = environment_.run_dir + "/" + sub;
    for (const auto& entry :
         fs::exists(path) ? fs::directory_iterator(path) : fs::directory_iterator()) {
      const std::string name = entry.path().filename().string();
      if (name != "empty" && name != "tmpfs") {
        found.push_back("file " + entry.path().string());
      }
    }
  }
  return found;
}

std::vector<std::string> MountFixture::leftovers() const {
  std::vector<std::string> found;
  (void)eventually([&] {
    found = leftovers_now();
    return found.empty();
  });
  return found;
}

void fill_sample_tree(const std::string& tree) {
  write_file(tree + "/etc/os-release", "NAME=sample\n");
  write_file(tree + "/bin/tool", std::string(300000, 'x'), 0755);
  write_file(tree + "/srv/data", std::string(5000, 'd'), 0640);
  fs::create_symlink("../bin/tool", tree + "/etc/link");
  if (::chown((tree + "/srv/data").c_str(), 1000, 2000) != 0) {
    throw std::runtime_error("these tests need root");
  }
}

void fill_large_tree(const std::string& tree) {
  std::string noise;
  std::minstd_rand generator(1);
  for (std::size_t i = 0; i < 400000; ++i) {
    noise += static_cast<char>(generator() >> 16U);
  }
  write_file(tree + "/large", noise);
}

void write_file(const std::string& path, const std::string& bytes, mode_t mode) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
  ::chmod(path.c_str(), mode);
}

std::string slurp(const std::string& path) {
  if (!fs::exists(path)) {
    throw std::runtime_error("no file " + path);
  }
  return read_all(path);
}

int read_errno(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) {
    return errno;
  }
  std::array<char, 65536> buffer{};
  ssize_t n = 1;
  while (n > 0) {
    n = ::read(fd.get(), buffer.data(), buffer.size());
  }
  return n < 0 ? errno : 0;
}

void flip_bit(const std::string& path, std::uint64_t offset) {
  const UniqueFd fd = must(sys::open(path, O_RDWR));
  std::array<std::byte, 1> byte{};
  (void)must(sys::pread(fd.get(), byte, static_cast<off_t>(offset)));
  byte[0] ^= std::byte{1};
  must(sys::pwrite_all(fd.get(), byte, static_cast<off_t>(offset)));
}

std::vector<std::string> describe_tree(const std::string& dir, std::uint32_t base) {
  std::vector<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    struct stat st {};
    ::lstat(entry.path().c_str(), &st);
    std::ostringstream line;
    line << fs::relative(entry.path(), dir).string() << " " << std::oct << st.st_mode << std::dec
         << " " << st.st_uid - base << ":" << st.st_gid - base;
    if (S_ISREG(st.st_mode)) {
      line << " " << st.st_size << " "
           << Digest::of(std::string_view(read_all(entry.path()))).str();
    }
    if (S_ISLNK(st.st_mode)) {
      line << " -> " << fs::read_symlink(entry.path()).string();
    }
    lines.push_back(line.str());
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool is_in_state(pid_t pid, char state) {
  const auto stat = read_kernel_file("/proc/" + std::to_string(pid) + "/stat", ByteCount{4096});
  return stat && stat->find(std::string(") ") + state + " ") != std::string::npos;
}

bool stop_process(pid_t pid) {
  const fs::path tasks = "/proc/" + std::to_string(pid) + "/task";
  return ::kill(pid, SIGSTOP) == 0 && eventually([&] {
           const fs::directory_iterator all(tasks);
           return std::all_of(begin(all), end(all), [](const auto& task) {
             return is_in_state(std::stoi(task.path().filename().string()), 'T');
           });
         });
}

void replace_dev(const std::vector<std::string>& names) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw std::runtime_error("no mount namespace");
  }
  std::vector<std::pair<std::string, dev_t>> nodes;
  for (const std::string& name : names) {
    struct stat st {};
    ::stat(("/dev/" + name).c_str(), &st);
    nodes.emplace_back("/dev/" + name, st.st_rdev);
  }
  if (::mount("dev", "/dev", "tmpfs", 0, nullptr) != 0) {
    throw std::runtime_error("no tmpfs on /dev");
  }
  for (const auto& [path, device] : nodes) {
    ::mknod(path.c_str(), S_IFCHR | 0600, device);
  }
}

ImageMount full_image(MountFixture& fixture) {
  return ImageMount{
      {fixture.build_layer("sample", fill_sample_tree), fixture.build_simple_layer("upper")},
      fixture.make_dir("target"),
      IdRange{700000000, 65536},
      ImageMount::Write::kTmpfs};
}

int in_child(const std::function<void()>& f) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    f();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

}  // namespace mosb::verity
