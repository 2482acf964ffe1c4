#include "fault_cases.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace talos::test {

namespace {

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file) {}

  std::vector<FaultCase> operator()() {
    std::ifstream stream(file_);
    if (!stream) throw std::runtime_error("cannot read " + file_.string());
    for (std::string line; std::getline(stream, line);) {
      ++number_;
      if (line.starts_with('#')) continue;
      if (line.starts_with('@'))
        word(line);
      else if (body_ != nullptr)
        *body_ += line + "\n";
      else if (!line.empty())
        refuse();
    }
    for (const FaultCase& one : cases_)
      if (one.rule.empty() && one.drift.empty() && one.dirty == 0)
        throw std::runtime_error("the case " + one.name + " expects nothing");
    return std::move(cases_);
  }

 private:
  [[noreturn]] void refuse() const {
    throw std::runtime_error(file_.string() + ":" + std::to_string(number_) + " cannot be read");
  }

  void word(const std::string& line) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (first == "@case") {
      cases_.push_back({});
      cases_.back().name = rest;
      body_ = nullptr;
      return;
    }
    if (cases_.empty()) refuse();
    FaultCase& one = cases_.back();
    body_ = nullptr;
    if (first == "@up" || first == "@down") {
      one.files.push_back({std::stol(rest), first == "@up", {}});
      body_ = &one.files.back().text;
    } else if (first == "@expect") {
      std::istringstream expected(rest);
      expected >> one.rule >> one.version;
    } else if (first == "@drift") {
      one.difference = rest;
      body_ = &one.drift;
    } else if (first == "@dirty") {
      one.dirty = std::stol(rest);
    } else if (first == "@args") {
      std::istringstream arguments(rest);
      for (std::string argument; arguments >> argument;) one.arguments.push_back(argument);
    } else if (first == "@queries") {
      body_ = rest == "old" ? &one.old_queries : &one.new_queries;
    } else {
      refuse();
    }
  }

  std::filesystem::path file_;
  std::vector<FaultCase> cases_;
  std::string* body_ = nullptr;
  std::size_t number_ = 0;
};

}  // namespace

std::vector<FaultCase> read_fault_cases(const std::filesystem::path& file) { return Reader(file)(); }

}  // namespace talos::test
