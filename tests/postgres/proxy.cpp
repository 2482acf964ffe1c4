#include "proxy.hpp"

#include <cstdint>

namespace talos::test {

namespace {

constexpr std::uint32_t cancel_code = 80877102;
constexpr std::uint32_t tls_code = 80877103;
constexpr std::uint32_t gss_code = 80877104;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

ProxyMessage take_front(std::string& received, std::size_t size, char type) {
  ProxyMessage message{type, received.substr(0, size)};
  received.erase(0, size);
  return message;
}

class PgFraming : public ProxyFraming {
 public:
  std::optional<ProxyMessage> take(From from, std::string& received) override {
    return from == From::client ? take_client_message(received) : take_server_message(received);
  }
  bool opaque() const override { return opaque_; }

 private:
  std::optional<ProxyMessage> take_client_message(std::string& received);
  std::optional<ProxyMessage> take_server_message(std::string& received);

  bool started_ = false;           // the client has sent its start-up packet
  bool server_says_byte_ = false;  // the answer to a request for encryption
  bool opaque_ = false;            // encrypted
};

std::optional<ProxyMessage> PgFraming::take_client_message(std::string& received) {
  const std::size_t head = started_ ? 1 : 0;
  if (received.size() < head + 4) return std::nullopt;
  const std::size_t size = head + number_at(received, head);
  if (received.size() < size || size < head + 4) return std::nullopt;
  if (started_) return take_front(received, size, received[0]);
  const std::uint32_t code = size >= 8 ? number_at(received, 4) : 0;
  server_says_byte_ = code == tls_code || code == gss_code;
  started_ = !server_says_byte_;
  return take_front(received, size, '0');
}

std::optional<ProxyMessage> PgFraming::take_server_message(std::string& received) {
  if (received.empty()) return std::nullopt;
  const char type = received[0];
  if (server_says_byte_ && type != 'E') {
    server_says_byte_ = false;
    opaque_ = type != 'N';
    return take_front(received, 1, type);
  }
  if (received.size() < 5) return std::nullopt;
  const std::size_t size = 1 + number_at(received, 1);
  if (received.size() < size) return std::nullopt;
  return take_front(received, size, type);
}

class PgProtocol : public ProxyProtocol {
 public:
  Opening opening(std::string_view received) const override {
    if (received.size() < 8 || received.size() < number_at(received, 0)) return Opening::incomplete;
    return number_at(received, 4) == cancel_code ? Opening::cancel_request : Opening::connection;
  }
  std::unique_ptr<ProxyFraming> framing() const override { return std::make_unique<PgFraming>(); }
};

}  // namespace

Proxy::Proxy(int server_port) : MessageProxy(server_port, std::make_unique<PgProtocol>()) {}

}  // namespace talos::test
