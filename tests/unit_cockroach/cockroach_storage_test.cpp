#include "cockroach_storage.hpp"

#include <doctest/doctest.h>

namespace talos::cockroach {

TEST_CASE("A storage URL's secrets are taken out of other people's texts, as they were given and decoded") {
  const StorageUrl url("s3://bucket/x?AWS_ACCESS_KEY_ID=id12&AWS_SECRET_ACCESS_KEY=a%2Fb%2Bcdef&X=1");
  CHECK(url.redacted("cannot reach " + url.text() + ": no") == "cannot reach (the storage URL): no");
  CHECK(url.redacted("a%2Fb%2Bcdef, a/b+cdef and id12") == "***, *** and ***");
  const StorageUrl login("http://user:secret@host/x");
  CHECK(login.redacted("host said: user:secret, secret") == "host said: ***, ***");
  const Error error = Error(ErrorCode::statement, "id12 is refused").with_hint("not id12");
  CHECK(std::string(url.redacted(error).what()) == "*** is refused");
  CHECK(url.redacted(error).hint == "not ***");
}

TEST_CASE("A path and a URL without its slashes are refused, and what may be a secret is not said") {
  for (const char* const text : {"/backup/x", "x", "s3:/bucket?KEY=secret", "://x", "s3://", "user:secret@host"}) {
    CAPTURE(text);
    try {
      const StorageUrl url{text};
      FAIL_CHECK("taken for " << url.text());
    } catch (const Error& error) {
      CHECK(error.code == ErrorCode::usage);
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  }
}

TEST_CASE("Where the cluster put a backup is found in its job's description") {
  CHECK(find_backup_path("BACKUP DATABASE bank INTO '/2026/11/26-101500.25' IN 's3://b/x?K=redacted'") ==
        "2026/11/26-101500.25");
  CHECK(find_backup_path("BACKUP DATABASE bank INTO 's3://b/2026/11/26' WITH detached").empty());
}

}  // namespace talos::cockroach
