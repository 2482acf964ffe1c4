// `migrate backup` and `up --backup`: the cluster writes to a storage, whose URL may hold secrets.
#include <csignal>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "cockroach_place.hpp"

namespace talos::test {

namespace {

constexpr const char* secret = "verySecretKey";
const std::string storage = std::string("s3://bucket/talos?AWS_ACCESS_KEY_ID=someId&AWS_SECRET_ACCESS_KEY=") + secret;

ProcessResult backup(const CockroachPlace& place, const std::string& output, const std::string& format = "text") {
  return run(place.talos({"backup", "--database", place.dsn, "--output", output, "--format", format}));
}

void check_silence(const ProcessResult& result) {
  CHECK(result.out != Part{secret});
  CHECK(result.err != Part{secret});
}

std::size_t files_in(const CockroachPlace& place) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(place.directory.path()))
    if (entry.is_regular_file()) ++count;
  return count;
}

}  // namespace

TEST_CASE("A backup is written by the cluster, read back, and named by its job, without the storage's secrets") {
  on_double([](CockroachPlace& place) {
    place.sql("CREATE TABLE t (x int8 PRIMARY KEY)");
    const auto made = backup(place, storage);
    CHECK_MESSAGE(made.status == 0, made.err);
    check_silence(made);
    REQUIRE(place.crdb->backups().size() == 1);
    const std::string path = place.crdb->backups().front();
    CHECK(path.starts_with("s3://bucket/talos /"));
    const auto jobs = place.crdb->jobs();
    CHECK(jobs.back().type == "BACKUP");
    CHECK(made.out == Part{"Backed up cockroach://root@127.0.0.1:"});
    CHECK(made.out == Part{" to s3://bucket/talos?***"});
    CHECK(made.out == Line{"Reference: " + std::to_string(jobs.back().id)});
    CHECK(made.out == Line{"To restore: RESTORE DATABASE \"" + place.database + "\" FROM '" +
                           path.substr(path.find(" /") + 2) + "' IN '(the storage URL)'"});
    CHECK(files_in(place) == 0);
    const auto told = nlohmann::json::parse(backup(place, storage, "json").out);
    CHECK(told["backup"]["reference"] == std::to_string(place.crdb->jobs().back().id));
    CHECK(told["backup"]["bytes"].is_null());
    CHECK(place.crdb->backups().size() == 2);
  });
}

TEST_CASE("A file's path is refused with what is wanted, and a URL that was mistyped is not shown") {
  on_cockroach([](CockroachPlace& place) {
    const auto refused = backup(place, (place.directory / "talos.dump").string());
    CHECK(refused.status == 2);
    CHECK(refused.err == Part{"CockroachDB writes a backup to a storage URL, and "});
    CHECK(refused.err == Part{"talos.dump is a file"});
    CHECK(refused.err == Part{"s3://BUCKET/PATH"});
    CHECK(files_in(place) == 0);
    const auto mistyped = backup(place, std::string("s3:/bucket?AWS_SECRET_ACCESS_KEY=") + secret);
    CHECK(mistyped.status == 2);
    CHECK(mistyped.err == Part{"a storage URL, and this is none"});
    check_silence(mistyped);
  });
}

TEST_CASE("What the cluster says of a backup that failed is told, but not what its storage's URL holds") {
  on_double([](CockroachPlace& place) {
    const auto failed = backup(place, "s3://no-such-bucket/x?AWS_SECRET_ACCESS_KEY=" + std::string(secret));
    CHECK(failed.status == 5);
    CHECK(failed.err == Part{"the backup job " + std::to_string(place.crdb->jobs().back().id) + " has failed: "});
    CHECK(failed.err == Part{"NoSuchBucket: (the storage URL)"});
    CHECK(failed.err == Part{"SHOW JOB "});
    check_silence(failed);
    const auto refused = backup(place, "http://user:" + std::string(secret) + "@host/x");
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"unsupported storage scheme"});
    check_silence(refused);
    CHECK(place.crdb->backups().empty());
  });
}

TEST_CASE("A backup that cannot be read back is none") {
  on_double([](CockroachPlace& place) {
    place.crdb->lose_backup_files();
    const auto failed = backup(place, storage);
    CHECK(failed.status == 5);
    CHECK(failed.err == Part{"files are missing from the backup"});
    CHECK(failed.out.empty());
    check_silence(failed);
  });
}

TEST_CASE("A user who may not make backups is told what to grant") {
  on_double([](CockroachPlace& place) {
    const std::string user = "poor_" + place.database;
    const std::string dsn = place.crdb->create_user(user, place.database);
    const auto refused = run(place.talos({"backup", "--database", dsn, "--output", storage}));
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"GRANT BACKUP ON DATABASE \"" + place.database + "\" TO"});
    check_silence(refused);
    place.crdb->grant(user, CrdbPrivilege::backup);
    CHECK(run(place.talos({"backup", "--database", dsn, "--output", storage})).status == 0);
    place.behind("DROP OWNED BY " + user + "; DROP ROLE " + user);
  });
}

TEST_CASE("A request to stop cancels the backup's job; a paused one is told with what helps") {
  on_double([](CockroachPlace& place) {
    place.crdb->hold_jobs("BACKUP");
    const std::vector<std::string> words{"backup", "--database", place.dsn, "--output", storage};
    Process stopped = Process::start(place.talos(words));
    REQUIRE(eventually([&] { return place.crdb->jobs().size() == 1; }));
    stopped.signal(SIGTERM);
    const auto result = stopped.wait();
    CHECK(result.status == 128 + SIGTERM);
    CHECK(place.crdb->jobs().front().state == "canceled");
    check_silence(result);
    Process paused = Process::start(place.talos(words));
    REQUIRE(eventually([&] { return place.crdb->jobs().size() == 2; }));
    const auto job = place.crdb->jobs().back().id;
    place.crdb->pause_job(job);
    const auto told = paused.wait();
    CHECK(told.status == 5);
    CHECK(told.err == Part{"RESUME JOB " + std::to_string(job)});
    CHECK(place.crdb->backups().empty());
  });
}

TEST_CASE("up --backup: before anything is applied, only if there is something, and nothing without it") {
  on_double([](CockroachPlace& place) {
    place.tables(1);
    const std::string broken = "s3://no-such-bucket/x?AWS_SECRET_ACCESS_KEY=" + std::string(secret);
    const auto failed = place.migrate({"up", "--backup", broken});
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{"the backup failed: "});
    CHECK(failed.err == Part{"nothing was applied"});
    check_silence(failed);
    CHECK_FALSE(place.has_table("t1"));
    const auto up = place.migrate({"up", "--backup", storage});
    CHECK_MESSAGE(up.status == 0, up.err);
    CHECK(up.err == Part{"Backed up to s3://bucket/talos?***"});
    check_silence(up);
    CHECK(place.has_table("t1"));
    CHECK(place.crdb->backups().size() == 1);
    CHECK(place.migrate({"up", "--backup", storage}).status == 0);
    CHECK(place.crdb->backups().size() == 1);
  });
}

}  // namespace talos::test
