#include "cancel.hpp"

#include "talos/driver.hpp"

namespace talos {

void CancelToken::request(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  if (!stop_) reason_ = reason;
  stop_ = true;
  if (session_ != nullptr) session_->cancel();
  wake_.notify_all();
}

bool CancelToken::wait_for(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, duration, [this] { return requested(); });
}

std::string CancelToken::reason() {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void CancelToken::check() {
  if (requested()) throw Error(ErrorCode::cancelled, reason());
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
