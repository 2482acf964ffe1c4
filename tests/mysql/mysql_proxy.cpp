#include "mysql_proxy.hpp"

#include <cstdint>

namespace talos::test {

namespace {

constexpr std::size_t head = 4;                     // three bytes of length, one of sequence
constexpr std::size_t longest = (1U << 24U) - 1;    // a packet this long is continued by the next
constexpr std::uint32_t compress = 1U << 5U;        // CLIENT_COMPRESS
constexpr std::uint32_t tls = 1U << 11U;            // CLIENT_SSL
constexpr std::uint32_t no_column_end = 1U << 24U;  // CLIENT_DEPRECATE_EOF

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// A whole message with its packets' heads; 0 if it is not all there.
std::size_t size_of_front(std::string_view received) {
  std::size_t size = 0;
  for (;;) {
    if (received.size() < size + head) return 0;
    const std::size_t length = little_endian(received, size, 3);
    size += head + length;
    if (received.size() < size) return 0;
    if (length < longest) return size;
  }
}

char letter_of_command(unsigned char command) {
  switch (command) {
    case 0x01:
      return 'X';
    case 0x02:
      return 'I';
    case 0x03:
      return 'Q';
    case 0x0e:
      return 'P';
    case 0x16:
      return 'S';
    case 0x17:
      return 'E';
    case 0x19:
      return 'C';
    case 0x1f:
      return 'R';
    default:
      return '?';
  }
}

class MysqlFraming : public ProxyFraming {
 public:
  std::optional<ProxyMessage> take(From from, std::string& received) override;
  bool opaque() const override { return phase_ == Phase::opaque; }

 private:
  enum class Phase { greeting, handshake, authentication, opaque, reply, columns, rows, prepared, local_file };

  char client_letter(std::string_view body);
  char handshake(std::string_view body);
  char server_letter(std::string_view body);
  char authentication(std::string_view body, unsigned char first);
  char reply(std::string_view body, unsigned char first);
  char row(std::string_view body, unsigned char first);

  Phase phase_ = Phase::greeting;
  bool compressed_ = false;
  bool no_column_end_ = false;
  bool preparing_ = false;
  std::uint64_t columns_left_ = 0;
};

std::optional<ProxyMessage> MysqlFraming::take(From from, std::string& received) {
  const std::size_t size = size_of_front(received);
  if (size == 0) return std::nullopt;
  ProxyMessage message{'?', received.substr(0, size)};
  received.erase(0, size);
  const std::string_view body = std::string_view(message.bytes).substr(head);
  message.type = from == From::client ? client_letter(body) : server_letter(body);
  return message;
}

char MysqlFraming::client_letter(std::string_view body) {
  if (phase_ == Phase::greeting || phase_ == Phase::handshake) return handshake(body);
  if (phase_ == Phase::authentication) return 'A';
  if (phase_ == Phase::local_file) {
    if (body.empty()) phase_ = Phase::reply;
    return 'L';
  }
  const auto command = static_cast<unsigned char>(body.empty() ? 0xff : body[0]);
  preparing_ = command == 0x16;
  phase_ = Phase::reply;
  return letter_of_command(command);
}

char MysqlFraming::handshake(std::string_view body) {
  const std::uint32_t abilities = body.size() >= 4 ? little_endian(body, 0, 4) : 0;
  // A request for TLS is the handshake's beginning alone.
  phase_ = (abilities & tls) != 0 && body.size() == 32 ? Phase::opaque : Phase::authentication;
  compressed_ = (abilities & compress) != 0;
  no_column_end_ = (abilities & no_column_end) != 0;
  return 'H';
}

char MysqlFraming::server_letter(std::string_view body) {
  const auto first = static_cast<unsigned char>(body.empty() ? 0 : body[0]);
  // MariaDB reports progress as an error with a number that none has.
  if (first == 0xff && body.size() >= 3 && little_endian(body, 1, 2) == 0xffff) return 'P';
  switch (phase_) {
    case Phase::greeting:
      phase_ = Phase::handshake;
      return first == 0xff ? 'E' : 'G';
    case Phase::authentication:
      return authentication(body, first);
    case Phase::columns:
      if (columns_left_ == 0) {
        phase_ = Phase::rows;
        return 'F';
      }
      if (--columns_left_ == 0 && no_column_end_) phase_ = Phase::rows;
      return 'C';
    case Phase::rows:
      return row(body, first);
    case Phase::prepared:
      return 'S';
    default:
      return reply(body, first);
  }
}

char MysqlFraming::authentication(std::string_view body, unsigned char first) {
  if (first == 0xff) return 'E';
  if (first != 0x00 || body.empty()) return 'A';
  phase_ = compressed_ ? Phase::opaque : Phase::reply;
  return 'O';
}

char MysqlFraming::reply(std::string_view body, unsigned char first) {
  if (first == 0xff) return 'E';
  if (first == 0x00 && preparing_) phase_ = Phase::prepared;
  if (first == 0x00) return 'O';
  if (first == 0xfe) return 'F';
  if (first == 0xfb) {
    phase_ = Phase::local_file;
    return 'L';
  }
  // The number of columns: one byte below 251, else two after 0xfc.
  columns_left_ = first == 0xfc && body.size() >= 3 ? little_endian(body, 1, 2) : first;
  phase_ = Phase::columns;
  return 'T';
}

char MysqlFraming::row(std::string_view body, unsigned char first) {
  const bool ends = first == 0xfe && body.size() < (no_column_end_ ? longest : 9);
  if (!ends && first != 0xff) return 'D';
  phase_ = Phase::reply;
  return ends ? 'F' : 'E';
}

class MysqlProtocol : public ProxyProtocol {
 public:
  Opening opening(std::string_view /*received*/) const override { return Opening::connection; }
  std::unique_ptr<ProxyFraming> framing() const override { return std::make_unique<MysqlFraming>(); }
};

}  // namespace

MysqlProxy::MysqlProxy(int server_port) : MessageProxy(server_port, std::make_unique<MysqlProtocol>()) {}

}  // namespace talos::test
