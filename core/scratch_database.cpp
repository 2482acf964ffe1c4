#include "scratch_database.hpp"

#include "operation.hpp"

namespace talos {

ScratchDatabase::ScratchDatabase(Driver& driver, const RunOptions& options, Reporter& reporter, CancelToken& cancel)
    : driver_(driver),
      options_(options),
      reporter_(reporter),
      cancel_(cancel),
      host_(connect(driver, options, Access::write, reporter, cancel)),
      scratch_(host_->ability<Scratch>()) {
  if (scratch_ == nullptr)
    throw Error(ErrorCode::unsupported, "the plugin for " + host_->info().server + " cannot make scratch databases");
}

ScratchDatabase::~ScratchDatabase() {
  try {
    drop();
  } catch (const Error& error) {
    reporter_.warning(std::string("the scratch database could not be removed: ") + error.what());
  }
}

void ScratchDatabase::make(std::string_view from) {
  drop();
  made_ = true;
  dsn_ = from.empty() ? scratch_->create() : scratch_->copy(from, options_.connect.table);
  RunOptions options = options_;
  options.connect.dsn = dsn_;
  session_ = connect(driver_, options, Access::create, reporter_, cancel_);
  attachment_.emplace(cancel_, *session_);
}

void ScratchDatabase::drop() {
  attachment_.reset();
  session_.reset();
  if (!made_) return;
  made_ = false;
  scratch_->drop();
}

}  // namespace talos
