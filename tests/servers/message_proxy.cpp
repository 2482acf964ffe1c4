#include "message_proxy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace talos::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t queue_limit = 16U << 20U;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void make_quick(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

Fd connect_to(int port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  const void* raw = &address;
  if (!fd || ::connect(fd.get(), static_cast<const sockaddr*>(raw), sizeof address) != 0) return Fd();
  make_quick(fd.get());
  return fd;
}

// What waits to be forwarded.
struct Message {
  enum class Kind { counted, opaque, end };
  Kind kind = Kind::counted;
  char type = '0';
  std::string bytes;
  Clock::time_point due;
};

// From one side to the other.
struct Flow {
  std::string received;       // not yet a whole message
  std::deque<Message> queue;  // not yet due, or stalled
  std::size_t queued = 0;     // bytes in it
  std::string sending;        // what the socket did not take
  int forwarded = 0;
  bool read_to_end = false;
  bool ended = false;
  bool stalled = false;
  bool cut_when_sent = false;
};

struct Connection {
  int number = 0;  // 0: nothing known of it yet, or a cancel request
  Fd client;
  Fd server;
  Flow from_client;
  Flow from_server;
  std::unique_ptr<ProxyFraming> framing;
  std::optional<From> last;  // who was forwarded last
  bool cut = false;

  Flow& flow(From from) { return from == From::client ? from_client : from_server; }
  int source(From from) const { return from == From::client ? client.get() : server.get(); }
  int sink(From from) const { return from == From::client ? server.get() : client.get(); }
};

std::optional<Message> take_message(Connection& connection, From from) {
  std::string& received = connection.flow(from).received;
  Message message;
  if (connection.framing->opaque()) {
    if (received.empty()) return std::nullopt;
    message.kind = Message::Kind::opaque;
    message.bytes.swap(received);
    return message;
  }
  auto taken = connection.framing->take(from, received);
  if (!taken) return std::nullopt;
  message.type = taken->type;
  message.bytes = std::move(taken->bytes);
  return message;
}

}  // namespace

class MessageProxy::Loop {
 public:
  Loop(int server_port, std::unique_ptr<ProxyProtocol> protocol);
  ~Loop();

  template <class Change>
  auto locked(Change change) {
    const std::lock_guard lock(mutex_);
    wake();
    return change(*this);
  }

  int port = 0;
  std::vector<ProxyFault> faults;
  int happened = 0;
  std::chrono::microseconds delay{0};
  bool swallow = false;
  bool refuse = false;
  int cancel_requests = 0;
  std::vector<ProxyCounts> counts;
  std::list<Connection> connections;

 private:
  void wake() const;
  void run();
  void turn(const std::vector<pollfd>& watched);
  std::vector<pollfd> watched();
  std::optional<std::chrono::nanoseconds> until_due() const;
  void accept_all();
  void receive(Connection& connection, From from);
  bool open(Connection& connection);
  void parse(Connection& connection, From from);
  void enqueue(Connection& connection, From from, Message message) const;
  void forward(Connection& connection, From from);
  bool send(Connection& connection, From from);
  void forward_one(Connection& connection, From from);
  std::optional<ProxyFault> take_fault(const Connection& connection, From from, ProxyFault::When when);
  static void stall(Connection& connection, ProxyFault::What what);
  void count(Connection& connection, From from, char type);

  int server_port_;
  std::unique_ptr<ProxyProtocol> protocol_;
  Fd listener_;
  Fd wake_;
  mutable std::mutex mutex_;
  bool stop_ = false;
  std::thread thread_;
};

MessageProxy::Loop::Loop(int server_port, std::unique_ptr<ProxyProtocol> protocol)
    : server_port_(server_port),
      protocol_(std::move(protocol)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  void* raw = &address;
  if (!listener_ || !wake_ || ::bind(listener_.get(), static_cast<sockaddr*>(raw), size) != 0 ||
      ::listen(listener_.get(), 128) != 0 || ::getsockname(listener_.get(), static_cast<sockaddr*>(raw), &size) != 0)
    fail("proxy");
  port = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

MessageProxy::Loop::~Loop() {
  locked([](Loop& loop) { loop.stop_ = true; });
  thread_.join();
}

void MessageProxy::Loop::wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void MessageProxy::Loop::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    std::vector<pollfd> fds = watched();
    const auto left = until_due();
    timespec timeout{};
    if (left) {
      timeout.tv_sec = static_cast<time_t>(left->count() / 1'000'000'000);
      timeout.tv_nsec = static_cast<long>(left->count() % 1'000'000'000);
    }
    lock.unlock();
    ::ppoll(fds.data(), fds.size(), left ? &timeout : nullptr, nullptr);
    lock.lock();
    turn(fds);
  }
}

// Two for each connection, in their order, after the two of our own. A descriptor that is not to be read is left out,
// as poll would tell of its hang-up for ever.
std::vector<pollfd> MessageProxy::Loop::watched() {
  std::vector<pollfd> fds{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  for (Connection& connection : connections) {
    for (const From from : {From::client, From::server}) {
      const Flow& in = connection.flow(from);
      const Flow& out = connection.flow(from == From::client ? From::server : From::client);
      const bool read = !in.read_to_end && !in.stalled && in.queued < queue_limit;
      const auto events = static_cast<short>((read ? POLLIN : 0) | (out.sending.empty() ? 0 : POLLOUT));
      fds.push_back({events == 0 ? -1 : connection.source(from), events, 0});
    }
  }
  return fds;
}

std::optional<std::chrono::nanoseconds> MessageProxy::Loop::until_due() const {
  std::optional<Clock::time_point> first;
  for (const Connection& connection : connections)
    for (const Flow* flow : {&connection.from_client, &connection.from_server})
      if (!flow->queue.empty() && !flow->stalled && flow->sending.empty() &&
          (!first || flow->queue.front().due < *first))
        first = flow->queue.front().due;
  if (!first) return std::nullopt;
  return std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*first - Clock::now()));
}

void MessageProxy::Loop::turn(const std::vector<pollfd>& fds) {
  std::uint64_t ignored = 0;
  static_cast<void>(!::read(wake_.get(), &ignored, sizeof ignored));
  std::size_t at = 2;
  for (Connection& connection : connections) {
    for (const From from : {From::client, From::server}) {
      // What was stalled meanwhile stays in the socket; and the list may have grown, never shrunk, since it was
      // watched.
      if (at >= fds.size()) break;
      const auto& fd = fds[at++];
      if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && (fd.events & POLLIN) != 0) receive(connection, from);
    }
    for (const From from : {From::client, From::server}) forward(connection, from);
  }
  connections.remove_if([](const Connection& connection) { return connection.cut; });
  accept_all();
}

void MessageProxy::Loop::accept_all() {
  for (;;) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    if (refuse) continue;
    make_quick(fd.get());
    connections.emplace_back().client = std::move(fd);
    open(connections.back());
    if (connections.back().cut) connections.pop_back();
  }
}

void MessageProxy::Loop::receive(Connection& connection, From from) {
  Flow& flow = connection.flow(from);
  if (connection.cut || flow.stalled || flow.read_to_end) return;
  std::array<char, 65536> buffer;
  const ssize_t size = ::recv(connection.source(from), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) {
    flow.received.append(buffer.data(), static_cast<std::size_t>(size));
  } else {
    flow.read_to_end = true;
  }
  if (from == From::client && !connection.server && !open(connection)) {
    connection.cut = connection.cut || flow.read_to_end;
    return;
  }
  parse(connection, from);
}

// By the client's first bytes, if it speaks first; false until they suffice, or if that is the connection's end.
bool MessageProxy::Loop::open(Connection& connection) {
  const auto opening = protocol_->opening(connection.from_client.received);
  if (opening == ProxyProtocol::Opening::incomplete) return false;
  const bool cancels = opening == ProxyProtocol::Opening::cancel_request;
  if (cancels) ++cancel_requests;
  if (!cancels || !swallow) connection.server = connect_to(server_port_);
  connection.cut = !connection.server;
  connection.framing = protocol_->framing();
  if (!cancels) {
    counts.emplace_back();
    connection.number = static_cast<int>(counts.size());
  }
  return !connection.cut;
}

void MessageProxy::Loop::parse(Connection& connection, From from) {
  Flow& flow = connection.flow(from);
  while (auto message = take_message(connection, from)) enqueue(connection, from, std::move(*message));
  if (!flow.read_to_end) return;
  Message rest;
  rest.kind = Message::Kind::opaque;
  rest.bytes.swap(flow.received);
  if (!rest.bytes.empty()) enqueue(connection, from, std::move(rest));
  Message end;
  end.kind = Message::Kind::end;
  enqueue(connection, from, std::move(end));
}

void MessageProxy::Loop::enqueue(Connection& connection, From from, Message message) const {
  Flow& flow = connection.flow(from);
  message.due = Clock::now() + delay;
  flow.queued += message.bytes.size();
  flow.queue.push_back(std::move(message));
}

void MessageProxy::Loop::forward(Connection& connection, From from) {
  Flow& flow = connection.flow(from);
  while (!connection.cut && send(connection, from)) {
    if (flow.cut_when_sent) connection.cut = true;
    if (connection.cut || flow.stalled || flow.queue.empty() || flow.queue.front().due > Clock::now()) return;
    forward_one(connection, from);
  }
}

// Whether nothing is left to be sent.
bool MessageProxy::Loop::send(Connection& connection, From from) {
  std::string& sending = connection.flow(from).sending;
  while (!sending.empty()) {
    const ssize_t size = ::send(connection.sink(from), sending.data(), sending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return false;
    if (size < 0) {
      connection.cut = true;
      return false;
    }
    sending.erase(0, static_cast<std::size_t>(size));
  }
  return true;
}

void MessageProxy::Loop::forward_one(Connection& connection, From from) {
  Flow& flow = connection.flow(from);
  const bool counted = flow.queue.front().kind == Message::Kind::counted && connection.number != 0;
  if (counted) {
    if (const auto fault = take_fault(connection, from, ProxyFault::When::before)) {
      if (fault->what == ProxyFault::What::cut)
        connection.cut = true;
      else
        stall(connection, fault->what);
      return;
    }
  }
  Message message = std::move(flow.queue.front());
  flow.queue.pop_front();
  flow.queued -= message.bytes.size();
  if (message.kind == Message::Kind::end) {
    ::shutdown(connection.sink(from), SHUT_WR);
    flow.ended = true;
    connection.cut = connection.from_client.ended && connection.from_server.ended;
    return;
  }
  flow.sending = std::move(message.bytes);
  if (!counted) return;
  const auto fault = take_fault(connection, from, ProxyFault::When::after);
  count(connection, from, message.type);
  if (!fault) return;
  if (fault->what == ProxyFault::What::cut)
    flow.cut_when_sent = true;
  else
    stall(connection, fault->what);
}

std::optional<ProxyFault> MessageProxy::Loop::take_fault(const Connection& connection, From from,
                                                         ProxyFault::When when) {
  const int next = 1 + (from == From::client ? connection.from_client : connection.from_server).forwarded;
  const auto found = std::find_if(faults.begin(), faults.end(), [&](const ProxyFault& fault) {
    return (fault.connection == 0 || fault.connection == connection.number) && fault.from == from &&
           fault.message == next && fault.when == when;
  });
  if (found == faults.end()) return std::nullopt;
  const ProxyFault fault = *found;
  faults.erase(found);
  ++happened;
  return fault;
}

void MessageProxy::Loop::stall(Connection& connection, ProxyFault::What what) {
  if (what != ProxyFault::What::stall_server) connection.from_client.stalled = true;
  if (what != ProxyFault::What::stall_client) connection.from_server.stalled = true;
}

void MessageProxy::Loop::count(Connection& connection, From from, char type) {
  ProxyCounts& mine = counts[static_cast<std::size_t>(connection.number - 1)];
  ++connection.flow(from).forwarded;
  if (from == From::client) {
    ++mine.client_messages;
    mine.client_types += type;
    if (connection.last != From::client) ++mine.turns;
  } else {
    ++mine.server_messages;
    mine.server_types += type;
  }
  connection.last = from;
}

MessageProxy::MessageProxy(int server_port, std::unique_ptr<ProxyProtocol> protocol)
    : loop_(std::make_unique<Loop>(server_port, std::move(protocol))) {}
MessageProxy::~MessageProxy() = default;

int MessageProxy::port() const { return loop_->port; }

void MessageProxy::add(const ProxyFault& fault) {
  loop_->locked([&](Loop& loop) { loop.faults.push_back(fault); });
}

int MessageProxy::happened() const {
  return loop_->locked([](Loop& loop) { return loop.happened; });
}

void MessageProxy::clear_faults() {
  loop_->locked([](Loop& loop) { loop.faults.clear(); });
}

void MessageProxy::delay(std::chrono::microseconds each_direction) {
  loop_->locked([&](Loop& loop) { loop.delay = each_direction; });
}

void MessageProxy::swallow_cancel_requests(bool swallow) {
  loop_->locked([&](Loop& loop) { loop.swallow = swallow; });
}

int MessageProxy::cancel_requests() const {
  return loop_->locked([](Loop& loop) { return loop.cancel_requests; });
}

void MessageProxy::refuse(bool refuse) {
  loop_->locked([&](Loop& loop) { loop.refuse = refuse; });
}

void MessageProxy::cut_all() {
  loop_->locked([](Loop& loop) {
    for (Connection& connection : loop.connections) connection.cut = true;
  });
}

void MessageProxy::release() {
  loop_->locked([](Loop& loop) {
    for (Connection& connection : loop.connections)
      connection.from_client.stalled = connection.from_server.stalled = false;
  });
}

int MessageProxy::connections() const {
  return loop_->locked([](Loop& loop) { return static_cast<int>(loop.counts.size()); });
}

int MessageProxy::open_connections() const {
  return loop_->locked([](Loop& loop) {
    return static_cast<int>(std::count_if(loop.connections.begin(), loop.connections.end(),
                                          [](const Connection& one) { return one.number != 0 && !one.cut; }));
  });
}

ProxyCounts MessageProxy::counts(int connection) const {
  return loop_->locked([&](Loop& loop) {
    if (connection != 0) return loop.counts.at(static_cast<std::size_t>(connection - 1));
    ProxyCounts sum;
    for (const ProxyCounts& one : loop.counts) {
      sum.client_messages += one.client_messages;
      sum.server_messages += one.server_messages;
      sum.turns += one.turns;
      sum.client_types += one.client_types;
      sum.server_types += one.server_types;
    }
    return sum;
  });
}

}  // namespace talos::test
