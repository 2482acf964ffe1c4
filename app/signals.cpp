#include "signals.hpp"

#include <cstring>
#include <string>

#include <pthread.h>
#include <unistd.h>

namespace talos::app {

void exit_for_signal(int signal) { ::_exit(128 + signal); }

SignalWatch::SignalWatch(CancelToken& cancel) {
  sigemptyset(&set_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // nohup's wish, and a background job's of a shell without job control.
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    sigaddset(&set_, signal);
  }
  sigaddset(&set_, SIGUSR1);  // our own, to end the thread
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  // A closed pipe on stderr must not end a migration half-way.
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this, &cancel] { watch(cancel); });
}

SignalWatch::~SignalWatch() {
  stop_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void SignalWatch::watch(CancelToken& cancel) {
  for (;;) {
    int signal = 0;
    if (sigwait(&set_, &signal) != 0) continue;
    if (stop_) return;
    if (signal == SIGUSR1) continue;
    if (received_ != 0) exit_for_signal(signal);
    received_ = signal;
    cancel.request(std::string("stopped by SIG") + ::sigabbrev_np(signal));
  }
}

}  // namespace talos::app
