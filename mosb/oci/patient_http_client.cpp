#include "mosb/oci/patient_http_client.h"

#include <algorithm>
#include <thread>

#include "mosb/base/log.h"
#include "mosb/base/number.h"

namespace mosb::oci {

namespace {

using std::chrono::milliseconds;

/// A body that comes in ever smaller pieces is no progress.
constexpr unsigned kMostAttempts = 20;

bool is_for_now(int status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/// RFC 9110 §10.2.3; a date is not worth a clock of ours. More than a day is a day: nobody waits
/// for either.
std::optional<milliseconds> wanted_pause(const HttpResponse& response) {
  const auto field = response.headers.find("Retry-After");
  if (!field || !*field) {
    return std::nullopt;
  }
  constexpr std::uint64_t kDay = 24ULL * 3600;
  const std::string& text = **field;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  const auto seconds = parse_uint(text, 0, kDay);
  return milliseconds((seconds ? *seconds : kDay) * 1000);
}

/// The whole body is there, only its end was not announced.
bool is_complete(const HttpRequest& request, std::uint64_t passed) {
  return request.exact_size && passed == *request.exact_size && passed > 0;
}

}  // namespace

std::optional<milliseconds> PatientHttpClient::pause_after(const Result<HttpResponse>& response,
                                                           unsigned attempt) const {
  if (attempt >= retries_.attempts) {
    return std::nullopt;
  }
  const bool later =
      response ? is_for_now(response->status) : was_answered_ && http_.failed_on_the_way();
  if (!later) {
    return std::nullopt;
  }
  milliseconds pause = retries_.first_pause * (1U << std::min(attempt - 1, 16U));
  if (response) {
    pause = wanted_pause(*response).value_or(pause);
  }
  return pause <= retries_.longest_pause ? std::optional(pause) : std::nullopt;
}

void PatientHttpClient::remember_silence(const HttpRequest& request) const {
  if (retries_.unreachable != nullptr && !was_answered_ && http_.failed_on_the_way()) {
    retries_.unreachable->add(request.url.authority());
  }
}

Result<HttpResponse> PatientHttpClient::send(const HttpRequest& request, const HttpPolicy& policy) {
  if (retries_.unreachable != nullptr && retries_.unreachable->contains(request.url.authority())) {
    return Error(Errc::kNetwork, request.url.authority() + " gave no answer before");
  }
  if (request.method != HttpMethod::kGet && request.method != HttpMethod::kHead) {
    auto response = http_.send(request, policy);
    was_answered_ = was_answered_ || response.has_value();
    return response;
  }
  HttpPolicy bounded = policy;
  bounded.timeouts.deadline = end_of_request(request, policy.timeouts);
  HttpRequest attempt = request;
  std::uint64_t passed = request.offset;
  if (request.sink) {
    attempt.sink = [&](std::span<const std::byte> piece) -> Status {
      MOSB_CHECK(request.sink(piece));
      passed += piece.size();
      return ok();
    };
  }
  unsigned fruitless = 1;
  unsigned parts = 0;
  for (unsigned attempts = 1;; ++attempts, ++fruitless) {
    auto response = http_.send(attempt, bounded);
    was_answered_ = was_answered_ || response.has_value();
    if (passed > attempt.offset) {
      was_answered_ = true;
      fruitless = 1;
      ++parts;
    }
    if (response && response->status == 206 && attempt.offset > 0) {
      response->status = 200;  // with what came before it is the whole
      response->parts = parts;
      return response;
    }
    attempt.offset = passed;
    if (!response && is_complete(request, passed)) {
      HttpResponse complete;
      complete.status = 200;
      complete.url = request.url;
      complete.parts = parts;
      return complete;
    }
    if (response) {
      response->passed = passed;
      response->parts = parts;
    }
    const auto pause = pause_after(response, fruitless);
    if (!pause || attempts == kMostAttempts ||
        std::chrono::steady_clock::now() + *pause >= *bounded.timeouts.deadline) {
      if (!response) {
        remember_silence(request);
      }
      return response;
    }
    log::debug(
        std::string(method_name(request.method)) + " " + request.url.authority() +
        request.url.without_query() + ": " +
        (response ? "status " + std::to_string(response->status) : response.error().message()) +
        "; again in " + std::to_string(pause->count()) + " ms from byte " +
        std::to_string(attempt.offset));
    std::this_thread::sleep_for(*pause);
  }
}

}  // namespace mosb::oci
