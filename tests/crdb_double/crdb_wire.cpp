#include "crdb_wire.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace talos::test::crdb {

namespace {

std::string number(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> static_cast<unsigned>(8 * i) & 0xffU);
  return text;
}

std::string int32(std::size_t value) { return number(static_cast<std::uint32_t>(value), 4); }
std::string int16(std::size_t value) { return number(static_cast<std::uint32_t>(value), 2); }
std::string text(const std::string& value) { return value + '\0'; }

std::string fields(const SqlError& error) {
  std::string body =
      "S" + text(error.severity) + "V" + text(error.severity) + "C" + text(error.sqlstate) + "M" + text(error.message);
  if (!error.detail.empty()) body += "D" + text(error.detail);
  if (!error.hint.empty()) body += "H" + text(error.hint);
  if (!error.position.empty()) body += "P" + text(error.position);
  return body + '\0';
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Fields::text() {
  const std::size_t end = body_.find('\0', at_);
  if (end == std::string_view::npos) throw ConnectionOver{};
  std::string value(body_.substr(at_, end - at_));
  at_ = end + 1;
  return value;
}

std::string Fields::bytes(std::size_t size) {
  if (body_.size() - at_ < size) throw ConnectionOver{};
  std::string value(body_.substr(at_, size));
  at_ += size;
  return value;
}

std::int32_t Fields::int32() {
  std::uint32_t value = 0;
  for (const char c : bytes(4)) value = value << 8U | static_cast<unsigned char>(c);
  return static_cast<std::int32_t>(value);
}

std::int16_t Fields::int16() {
  std::uint32_t value = 0;
  for (const char c : bytes(2)) value = value << 8U | static_cast<unsigned char>(c);
  return static_cast<std::int16_t>(value);
}

void Wire::receive() {
  std::array<char, 65536> buffer;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) throw ConnectionOver{};
  in_.append(buffer.data(), static_cast<std::size_t>(size));
}

std::optional<Message> Wire::take(bool first) {
  const std::size_t head = first ? 0 : 1;
  if (in_.size() < head + 4) return std::nullopt;
  const auto size = static_cast<std::size_t>(Fields(std::string_view(in_).substr(head)).int32());
  if (size < 4 || size > (256U << 20U)) throw ConnectionOver{};
  if (in_.size() < head + size) return std::nullopt;
  Message message{first ? '\0' : in_[0], in_.substr(head + 4, size - 4)};
  in_.erase(0, head + size);
  return message;
}

void Wire::send(char type, const std::string& body) {
  out_ += type;
  out_ += int32(body.size() + 4);
  out_ += body;
}

void Wire::error(const SqlError& error) { send('E', fields(error)); }
void Wire::notice(const SqlError& notice) { send('N', fields(notice)); }
void Wire::complete(const std::string& tag) {
  if (std::exchange(describe_, describe_ == Describe::once ? Describe::never : describe_) == Describe::once)
    send('n', "");
  send('C', text(tag));
}
void Wire::ready(char status) { send('Z', std::string(1, status)); }
void Wire::parameter(const std::string& name, const std::string& value) { send('S', text(name) + text(value)); }

void Wire::description(const std::vector<Column>& columns) {
  if (describe_ == Describe::never) return;
  if (describe_ == Describe::once) describe_ = Describe::never;
  std::string body = int16(columns.size());
  for (const Column& column : columns)
    body += text(column.name) + int32(0) + int16(0) + number(column.type, 4) +
            number(static_cast<std::uint16_t>(column.size), 2) + int32(static_cast<std::size_t>(-1)) + int16(0);
  send('T', body);
}

void Wire::row(const Row& row) {
  std::string body = int16(row.size());
  for (const auto& value : row) body += value ? int32(value->size()) + *value : int32(static_cast<std::size_t>(-1));
  send('D', body);
}

void Wire::columns(const pg_result* plan) {
  std::vector<Column> columns;
  for (int i = 0; i < PQnfields(plan); ++i)
    columns.push_back({PQfname(plan, i), PQftype(plan, i), static_cast<std::int16_t>(PQfsize(plan, i))});
  if (columns.empty())
    send('n', "");
  else
    description(columns);
}

void Wire::result(const pg_result* result) {
  if (PQresultStatus(result) == PGRES_TUPLES_OK) {
    std::vector<Column> columns;
    for (int i = 0; i < PQnfields(result); ++i)
      columns.push_back({PQfname(result, i), PQftype(result, i), static_cast<std::int16_t>(PQfsize(result, i))});
    description(columns);
    for (int line = 0; line < PQntuples(result); ++line) {
      Row values;
      for (int i = 0; i < PQnfields(result); ++i)
        values.push_back(PQgetisnull(result, line, i) != 0
                             ? std::nullopt
                             : std::optional(std::string(PQgetvalue(result, line, i),
                                                         static_cast<std::size_t>(PQgetlength(result, line, i)))));
      row(values);
    }
  }
  // The tag is for reading only, but libpq takes no const.
  complete(PQcmdStatus(const_cast<pg_result*>(result)));
}

void Wire::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t size = ::send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw ConnectionOver{};
    pollfd room{socket_.get(), POLLOUT, 0};
    ::poll(&room, 1, 1000);
  }
  out_.clear();
}

void Wire::hang_up() {
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_ = Descriptor();
}

}  // namespace talos::test::crdb
