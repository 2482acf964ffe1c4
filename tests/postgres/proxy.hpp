// A TCP proxy that knows where PostgreSQL's messages begin: it counts them, delays them, and cuts or stalls a
// connection at a chosen one.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace talos::test {

enum class From { client, server };

/// At message `message` of `connection`, counted from 1, each direction for itself. The start-up packet and a request
/// for TLS count as client messages. Connections are counted as they send their first packet, cancel requests apart; 0
/// is whichever comes first to that message. Happens once.
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
  /// Type bytes of what was forwarded; `0` for what has none, as the start-up packet.
  std::string client_types;
  std::string server_types;
};

/// On a port of its own of 127.0.0.1, in a thread of its own. Behind TLS nothing is counted, the bytes pass. When the
/// object goes every connection is cut.
class Proxy {
 public:
  explicit Proxy(int server_port);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  int port() const;

  void add(const ProxyFault& fault);
  /// How many faults have happened.
  int happened() const;
  void clear_faults();

  /// Each direction, from now on: a round trip takes twice that longer.
  void delay(std::chrono::microseconds each_direction);

  /// Cancel requests are answered as ever but do not reach the server.
  void swallow_cancel_requests(bool swallow);
  /// They wait here, and so do their senders, until this is taken back.
  void hold_cancel_requests(bool hold);
  int cancel_requests() const;

  /// Reads no more than that from the client of each new connection, and has hardly any buffer for what waits.
  void throttle(std::size_t bytes_per_second);

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

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace talos::test
