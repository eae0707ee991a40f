#include "src/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>

#include "include/hoglet/env.h"
#include "include/hoglet/status.h"

namespace hoglet {
namespace {

// Looked up once: the EVP_sha1() and so on are looked up again by every digest.
const EVP_MD* Fetched(const char* name) {
  const EVP_MD* kind = EVP_MD_fetch(nullptr, name, nullptr);
  HOGLET_ASSERT(kind != nullptr);
  return kind;
}

template <size_t kBytes>
std::array<uint8_t, kBytes> Digest(const EVP_MD* kind, std::string_view bytes) {
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  // One a thread: to make it costs as much as to hash a short text.
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::array<uint8_t, kBytes> result{};
  unsigned written = 0;
  const bool ok = EVP_DigestInit_ex(context.get(), kind, nullptr) == 1 &&
                  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
                  EVP_DigestFinal_ex(context.get(), result.data(), &written) == 1;
  HOGLET_ASSERT(ok && written == kBytes);
  return result;
}

}  // namespace

std::array<uint8_t, 16> Md5(std::string_view bytes) {
  static const EVP_MD* const kind = Fetched("MD5");
  return Digest<16>(kind, bytes);
}
std::array<uint8_t, 20> Sha1(std::string_view bytes) {
  static const EVP_MD* const kind = Fetched("SHA1");
  return Digest<20>(kind, bytes);
}
std::array<uint8_t, 32> Sha256(std::string_view bytes) {
  static const EVP_MD* const kind = Fetched("SHA256");
  return Digest<32>(kind, bytes);
}

std::array<uint8_t, 32> HmacSha256(std::string_view key, std::string_view bytes) {
  std::array<uint8_t, 32> result{};
  unsigned written = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  // HMAC() takes a null key for "the last one", so the empty key needs an address.
  const char* key_data = key.empty() ? "" : key.data();
  const bool ok = HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()), data, bytes.size(),
                       result.data(), &written) != nullptr;
  HOGLET_ASSERT(ok && written == result.size());
  return result;
}

std::array<uint8_t, 32> Pbkdf2Sha256(std::string_view password, std::string_view salt,
                                     uint32_t iterations) {
  HOGLET_ASSERT(iterations >= 1 && iterations <= 10'000'000);
  std::array<uint8_t, 32> result{};
  const int ok = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                                   reinterpret_cast<const unsigned char*>(salt.data()),
                                   static_cast<int>(salt.size()), static_cast<int>(iterations),
                                   EVP_sha256(), static_cast<int>(result.size()), result.data());
  HOGLET_ASSERT(ok == 1);
  return result;
}

std::string HexEncode(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

std::string RandomToken(Env* env, size_t characters) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  // Bytes past the last whole multiple of 62 would favour the first characters.
  constexpr unsigned kAcceptBelow = 256 / kAlphabet.size() * kAlphabet.size();
  std::string out;
  out.reserve(characters);
  std::array<char, 64> random;
  while (out.size() < characters) {
    env->FillRandom(random);
    for (char c : random) {
      const auto byte = static_cast<uint8_t>(c);
      if (byte < kAcceptBelow && out.size() < characters) {
        out.push_back(kAlphabet[byte % kAlphabet.size()]);
      }
    }
  }
  return out;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hoglet
