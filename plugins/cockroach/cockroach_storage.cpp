#include "cockroach_storage.hpp"

#include <algorithm>
#include <cctype>

namespace talos::cockroach {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    if (escape) {
      result += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

void replace_all(std::string& text, const std::string& what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

bool has_scheme(const std::string& text) {
  const auto end = text.find("://");
  return end != std::string::npos && end > 0 && end + 3 < text.size() &&
         std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '+' || c == '.'; });
}

}  // namespace

StorageUrl::StorageUrl(const std::string& text) : text_(text) {
  if (!has_scheme(text_)) {
    // It may be a URL that was mistyped.
    const bool plain = text_.find_first_of("?@=") == std::string::npos;
    throw Error(ErrorCode::usage, "CockroachDB writes a backup to a storage URL" +
                                      (plain ? ", and " + text_ + " is a file" : std::string(", and this is none")))
        .with_hint(
            "give one that the cluster's nodes can reach: s3://BUCKET/PATH?…, gs://…, azure-blob://…,"
            " external://NAME, userfile:///PATH, nodelocal://1/PATH");
  }
  const auto add = [&](const std::string& secret) {
    // What is shorter is part of everything.
    constexpr std::size_t shortest = 4;
    for (const std::string& one : {secret, decoded(secret)})
      if (one.size() >= shortest) secrets_.push_back(one);
  };
  const auto begin = text_.find("://") + 3;
  const auto question = std::min(text_.find('?', begin), text_.size());
  if (const auto at = text_.rfind('@', question); at != std::string::npos && at > begin) {
    const std::string login = text_.substr(begin, at - begin);
    add(login);
    if (const auto colon = login.find(':'); colon != std::string::npos) add(login.substr(colon + 1));
  }
  for (std::size_t at = question + 1; at < text_.size();) {
    const auto end = std::min(text_.find('&', at), text_.size());
    const std::string parameter = text_.substr(at, end - at);
    if (const auto equals = parameter.find('='); equals != std::string::npos) add(parameter.substr(equals + 1));
    at = end + 1;
  }
  std::sort(secrets_.begin(), secrets_.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string StorageUrl::redacted(std::string text) const {
  replace_all(text, text_, "(the storage URL)");
  for (const std::string& secret : secrets_) replace_all(text, secret, "***");
  return text;
}

Error StorageUrl::redacted(Error error) const {
  error.detail = redacted(error.detail);
  error.hint = redacted(error.hint);
  return error.retold(redacted(std::string(error.what())));
}

std::string find_backup_path(std::string_view description) {
  constexpr std::string_view form = "0000/00/00-000000.00";
  for (std::size_t at = 0; at + form.size() <= description.size(); ++at) {
    const std::string_view part = description.substr(at, form.size());
    const bool fits = std::equal(part.begin(), part.end(), form.begin(),
                                 [](char c, char wanted) { return wanted == '0' ? is_digit(c) : c == wanted; });
    if (fits) return std::string(part);
  }
  return {};
}

}  // namespace talos::cockroach
