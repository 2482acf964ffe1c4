// The client's side of PostgreSQL's protocol, version 3, without TLS.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdb_error.hpp"

struct pg_result;

namespace talos::test::crdb {

/// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct Message {
  char type = '\0';  ///< none of the start-up packet
  std::string body;
};

/// Reads the fields of a message. Throws ConnectionOver past its end.
class Fields {
 public:
  explicit Fields(std::string_view body) : body_(body) {}
  bool empty() const { return at_ >= body_.size(); }
  std::string text();
  std::int32_t int32();
  std::int16_t int16();
  std::string bytes(std::size_t size);

 private:
  std::string_view body_;
  std::size_t at_ = 0;
};

struct Column {
  std::string name;
  std::uint32_t type = 25;  ///< text
  std::int16_t size = -1;
};
using Row = std::vector<std::optional<std::string>>;

/// What goes out is kept until `flush`.
class Wire {
 public:
  explicit Wire(Descriptor socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  /// A whole message if one has come; `first`: the start-up packet, which has no type. Throws ConnectionOver at the end
  /// of the stream.
  std::optional<Message> take(bool first);
  /// Reads what is there.
  void receive();

  void send(char type, const std::string& body);
  void raw(char byte) { out_ += byte; }
  void error(const SqlError& error);
  void notice(const SqlError& notice);
  void complete(const std::string& tag);
  void ready(char status);
  void parameter(const std::string& name, const std::string& value);
  /// Whether the columns are told: with each result, once more (or that there are none), or no more.
  enum class Describe { always, once, never };
  void describe(Describe describe) { describe_ = describe; }
  bool describes_once() const { return describe_ == Describe::once; }
  void description(const std::vector<Column>& columns);
  /// What a plan's result will be: its columns, or that there are none.
  void columns(const pg_result* plan);
  void row(const Row& row);
  void result(const pg_result* result);
  void flush();
  /// Closes the connection, and fd() is none: what has been received is served as if nothing had happened.
  void hang_up();

  std::size_t pending() const { return out_.size(); }
  void forget(std::size_t from) { out_.resize(from); }

 private:
  Descriptor socket_;
  std::string in_;
  std::string out_;
  Describe describe_ = Describe::always;
};

}  // namespace talos::test::crdb
