#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "mosb/manifest/document.h"
#include "mosb/manifest/tree_builder.h"

namespace mosb::manifest {

namespace {

/// Where the tokens of a JSON text begin; the parser itself does not say.
class TokenOffsets {
 public:
  explicit TokenOffsets(std::string_view text) : text_(text) {}

  /// The offset of the next token that is more than punctuation.
  std::size_t next() {
    at_ = text_.find_first_not_of(" \t\r\n,:]}", at_);
    const std::size_t begin = at_;
    if (text_[begin] == '"') {
      ++at_;
      while (text_[at_] != '"') {
        at_ += text_[at_] == '\\' ? 2U : 1U;
      }
      ++at_;
    } else if (text_[begin] == '{' || text_[begin] == '[') {
      ++at_;
    } else {
      at_ = text_.find_first_of(" \t\r\n,]}", at_);
      at_ = at_ == std::string_view::npos ? text_.size() : at_;
    }
    return begin;
  }
  /// The token that next() stepped over.
  std::string token(std::size_t begin) const {
    return std::string(text_.substr(begin, at_ - begin));
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

using Json = nlohmann::json;

class Events final : public nlohmann::json_sax<Json> {
 public:
  Events(std::string_view text, TreeBuilder& tree) : tokens_(text), tree_(tree) {}

  bool null() override { return tree_.scalar(tokens_.next(), Node::Kind::kNull, ""); }
  bool boolean(bool /*value*/) override { return plain(); }
  bool number_integer(number_integer_t /*value*/) override { return plain(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return plain(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return plain(); }
  bool string(string_t& value) override {
    return tree_.scalar(tokens_.next(), Node::Kind::kQuoted, std::move(value));
  }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override {
    return tree_.begin(tokens_.next(), Node::Kind::kMapping);
  }
  bool key(string_t& name) override { return string(name); }
  bool end_object() override {
    tree_.end();
    return true;
  }
  bool start_array(std::size_t /*size*/) override {
    return tree_.begin(tokens_.next(), Node::Kind::kSequence);
  }
  bool end_array() override {
    tree_.end();
    return true;
  }
  bool parse_error(std::size_t position,
                   const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return tree_.fail(position, "malformed JSON");
  }

 private:
  bool plain() {
    const std::size_t offset = tokens_.next();
    return tree_.scalar(offset, Node::Kind::kPlain, tokens_.token(offset));
  }

  TokenOffsets tokens_;
  TreeBuilder& tree_;
};

}  // namespace

Document read_json(const SourceText& source) {
  TreeBuilder tree(source);
  Events events(source.bytes(), tree);
  (void)Json::sax_parse(source.bytes(), &events);
  return Document{tree.take(), tree.problems()};
}

}  // namespace mosb::manifest
