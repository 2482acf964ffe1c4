// A TCP proxy that is told where a protocol's messages begin: it counts them, delays them, and cuts or stalls a
// connection at a chosen one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace talos::test {

enum class From { client, server };

/// At message `message` of `connection`, counted from 1, each direction for itself. Connections are counted as they
/// begin to speak, cancel requests apart; 0 is whichever comes first to that message. Happens once.
struct ProxyFault {
  enum class When { before, after };
  /// `cut` closes both sides. `stall_*` forwards nothing more from that side, or from both, and reads nothing more from
  /// it: the sockets stay open and not even an end is passed on.
  enum class What { cut, stall_client, stall_server, stall };

  int connection = 1;
  From from = From::client;
  int message = 1;
  When when = When::before;
  What what = What::cut;
};

struct ProxyCounts {
  int client_messages = 0;
  int server_messages = 0;
  int turns = 0;  ///< client messages that follow a server's message, or nothing
  /// A letter for each message that was forwarded.
  std::string client_types;
  std::string server_types;
};

struct ProxyMessage {
  char type = '0';
  std::string bytes;
};

/// Where the two sides of one connection are in their protocol.
class ProxyFraming {
 public:
  ProxyFraming() = default;
  virtual ~ProxyFraming() = default;
  ProxyFraming(const ProxyFraming&) = delete;
  ProxyFraming& operator=(const ProxyFraming&) = delete;

  /// One message off the front of what that side has sent; nothing if it is not whole.
  virtual std::optional<ProxyMessage> take(From from, std::string& received) = 0;

  /// What follows cannot be read, as it is encrypted: it passes uncounted.
  virtual bool opaque() const = 0;
};

class ProxyProtocol {
 public:
  ProxyProtocol() = default;
  virtual ~ProxyProtocol() = default;
  ProxyProtocol(const ProxyProtocol&) = delete;
  ProxyProtocol& operator=(const ProxyProtocol&) = delete;

  /// By what the client has sent first, which is nothing where it waits for the server to speak.
  enum class Opening { incomplete, connection, cancel_request };
  virtual Opening opening(std::string_view received) const = 0;

  virtual std::unique_ptr<ProxyFraming> framing() const = 0;
};

/// On a port of its own of 127.0.0.1, in a thread of its own. Behind TLS nothing is counted, the bytes pass. When the
/// object goes every connection is cut.
class MessageProxy {
 public:
  MessageProxy(int server_port, std::unique_ptr<ProxyProtocol> protocol);
  ~MessageProxy();
  MessageProxy(const MessageProxy&) = delete;
  MessageProxy& operator=(const MessageProxy&) = delete;

  int port() const;

  void add(const ProxyFault& fault);
  /// How many faults have happened.
  int happened() const;
  void clear_faults();

  /// Each direction, from now on: a round trip takes twice that longer.
  void delay(std::chrono::microseconds each_direction);

  /// New connections are closed at once.
  void refuse(bool refuse);

  void cut_all();
  /// What is stalled moves again.
  void release();

  /// Those that have sent something, cancel requests apart.
  int connections() const;
  int open_connections() const;
  /// Of that connection, also when it is gone; of all of them together with 0.
  ProxyCounts counts(int connection = 0) const;

 protected:
  /// Cancel requests are answered as ever but do not reach the server.
  void swallow_cancel_requests(bool swallow);
  int cancel_requests() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace talos::test
