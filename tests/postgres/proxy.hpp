// The proxy that knows PostgreSQL's messages.
#pragma once

#include "message_proxy.hpp"

namespace talos::test {

/// The start-up packet and a request for TLS count as client messages. The letters of ProxyCounts are the messages'
/// type bytes; `0` is what has none, as the start-up packet.
class Proxy : public MessageProxy {
 public:
  explicit Proxy(int server_port);

  using MessageProxy::cancel_requests;
  using MessageProxy::swallow_cancel_requests;
};

}  // namespace talos::test
