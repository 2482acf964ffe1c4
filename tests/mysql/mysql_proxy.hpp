// The proxy that knows the packets of MySQL and MariaDB.
#pragma once

#include "message_proxy.hpp"

namespace talos::test {

/// A message is a packet; one of 16 MiB and what continues it are one message. The server speaks first, so a connection
/// counts once it is made. After a request for TLS or for compression everything passes uncounted.
///
/// Letters of ProxyCounts. Client: `H` handshake response (or request for TLS), `A` more of authentication, `Q` query,
/// `X` quit, `P` ping, `I` default database, `S` prepare, `E` execute, `C` close a statement, `R` reset, `?` another
/// command, `L` data of a local file. Server: `G` greeting, `A` authentication goes on, `O` OK, `E` error, `T` a result
/// set's beginning, `C` a column, `D` a row, `F` the end of columns or rows, `P` a report of progress, `L` asks for a
/// local file, `S` belongs to a prepared statement's description.
class MysqlProxy : public MessageProxy {
 public:
  explicit MysqlProxy(int server_port);
};

}  // namespace talos::test
