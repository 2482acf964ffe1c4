#include "cancel.hpp"

#include "talos/driver.hpp"

namespace talos {

void CancelToken::request() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  if (session_ != nullptr) session_->cancel();
  wake_.notify_all();
}

bool CancelToken::wait_for(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, duration, [this] { return requested(); });
}

void CancelToken::check() const {
  if (requested()) throw Error(ErrorCode::cancelled, "stopped by a signal");
}

CancelToken::Attachment::Attachment(CancelToken& token, Session& session) : token_(token) {
  const std::lock_guard lock(token_.mutex_);
  token_.session_ = &session;
  if (token_.requested()) session.cancel();
}

CancelToken::Attachment::~Attachment() {
  const std::lock_guard lock(token_.mutex_);
  token_.session_ = nullptr;
}

}  // namespace talos
