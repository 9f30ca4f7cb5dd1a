#include <exception>
#include <istream>
#include <streambuf>
#include <string>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "mosb/manifest/document.h"
#include "mosb/manifest/tree_builder.h"

namespace mosb::manifest {

namespace {

/// Thrown through the parser to stop it; the builder knows why.
struct Stop {};

/// Reads from memory that somebody else owns.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* const begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

std::size_t offset_of(const YAML::Mark& mark) {
  return mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
}

/// Passes the parser's events on and refuses what a manifest must not use.
class Events final : public YAML::EventHandler {
 public:
  Events(const SourceText& source, TreeBuilder& tree) : source_(source), tree_(tree) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(mark, "a second document");
    }
    const std::string_view before = source_.bytes().substr(0, offset_of(mark));
    const std::size_t directive = before.substr(0, 1) == "%" ? 0 : before.find("\n%");
    if (directive != std::string_view::npos) {
      stop(tree_.fail(directive == 0 ? 0 : directive + 1, "a directive ('%')"));
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_properties(mark, "?", anchor, false);
    stop(tree_.scalar(offset_of(mark), Node::Kind::kNull, ""));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    refuse(mark, "an alias ('*')");
  }
  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    const bool quoted = tag == "!";
    refuse_properties(mark, tag, anchor, quoted);
    stop(tree_.scalar(offset_of(mark), quoted ? Node::Kind::kQuoted : Node::Kind::kPlain, value));
  }
  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    refuse_properties(mark, tag, anchor, false);
    stop(tree_.begin(offset_of(mark), Node::Kind::kSequence));
  }
  void OnSequenceEnd() override { tree_.end(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    refuse_properties(mark, tag, anchor, false);
    stop(tree_.begin(offset_of(mark), Node::Kind::kMapping));
  }
  void OnMapEnd() override { tree_.end(); }

 private:
  static void stop(bool going_on) {
    if (!going_on) {
      throw Stop{};
    }
  }
  void refuse(const YAML::Mark& mark, const std::string& what) {
    stop(tree_.fail(offset_of(mark), what + ", which is not allowed in a manifest"));
  }
  /// A node with properties has its mark at the first of them.
  void refuse_properties(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t anchor,
                         bool quoted) {
    if (anchor != 0) {
      refuse(mark, "an anchor ('&')");
    }
    // The parser gives quoted scalars the tag "!" of its own accord; a written one shows only in
    // the text.
    const bool written = source_.bytes().substr(offset_of(mark), 1) == "!";
    if (written || (tag != "?" && !tag.empty() && !quoted)) {
      refuse(mark, "a tag ('!')");
    }
  }

  const SourceText& source_;
  TreeBuilder& tree_;
  int documents_ = 0;
};

}  // namespace

Document read_yaml(const SourceText& source) {
  TreeBuilder tree(source);
  try {
    ViewBuffer buffer(source.bytes());
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Events events(source, tree);
    if (!parser.HandleNextDocument(events)) {
      (void)tree.fail(0, "the manifest is empty");
    }
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const Stop&) {
    return Document{{}, tree.problems()};
  } catch (const YAML::Exception& error) {
    (void)tree.fail(offset_of(error.mark), error.msg);
  } catch (const std::exception& error) {
    (void)tree.fail(0, error.what());
  }
  return Document{tree.take(), tree.problems()};
}

}  // namespace mosb::manifest
