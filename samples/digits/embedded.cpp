// The same library from C++: two networks are trained in two threads, and vote.
//
//   nnc --library --train digits.nn -o digits
//   cc -O2 -c digits.c && c++ -std=c++17 -O2 -pthread embedded.cpp digits.o -lm -o embedded
//   ./embedded data [EPOCHS]
#include "digits.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// One model with an arena of its own; a status other than OK becomes an exception.
class Digits {
public:
  explicit Digits(std::uint64_t seed) : arena(new Arena) {
    check(digits_init(&model, arena->bytes, sizeof arena->bytes, seed));
  }
  digits_fit_step_report step(const std::uint8_t *pixels, const std::uint8_t *labels, std::size_t n) {
    digits_fit_step_report r;
    check(digits_fit_step(&model, n, pixels, labels, &r));
    return r;
  }
  void end_epoch() { check(digits_fit_epoch(&model)); }
  std::vector<float> classify(const std::uint8_t *pixels, std::size_t n) {
    std::vector<float> p(n * 10);
    check(digits_classify(&model, n, pixels, p.data()));
    return p;
  }

private:
  struct alignas(DIGITS_ARENA_ALIGN) Arena {
    unsigned char bytes[DIGITS_ARENA_BYTES];
  };
  static void check(digits_status s) {
    if (s != DIGITS_OK) throw std::runtime_error(digits_status_text(s));
  }
  std::unique_ptr<Arena> arena;
  digits model;
};

static std::vector<std::uint8_t> read_idx(const std::string &path, std::size_t skip) {
  std::ifstream f(path, std::ios::binary);
  std::vector<char> all{std::istreambuf_iterator<char>(f), {}};
  if (all.size() <= skip) throw std::runtime_error("can't read " + path);
  return std::vector<std::uint8_t>(all.begin() + static_cast<std::ptrdiff_t>(skip), all.end());
}

static void train(Digits &net, const std::vector<std::uint8_t> &pixels, const std::vector<std::uint8_t> &labels,
                  int epochs) {
  for (int epoch = 0; epoch < epochs; epoch++) {
    for (std::size_t at = 0; at < labels.size(); at += 32)
      net.step(&pixels[at * 64], &labels[at], std::min<std::size_t>(32, labels.size() - at));
    net.end_epoch();
  }
}

int main(int argc, char **argv) try {
  const std::string folder = argc > 1 ? argv[1] : "data";
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 3;
  const auto pixels = read_idx(folder + "/train-images-idx3-ubyte", 16);
  const auto labels = read_idx(folder + "/train-labels-idx1-ubyte", 8);
  const auto test_pixels = read_idx(folder + "/test-images-idx3-ubyte", 16);
  const auto test_labels = read_idx(folder + "/test-labels-idx1-ubyte", 8);

  Digits one(1), two(2);
  std::thread first([&] { train(one, pixels, labels, epochs); });
  std::thread second([&] { train(two, pixels, labels, epochs); });
  first.join();
  second.join();

  int right = 0;
  for (std::size_t i = 0; i < test_labels.size(); i++) {
    auto p = one.classify(&test_pixels[i * 64], 1);
    const auto q = two.classify(&test_pixels[i * 64], 1);
    for (std::size_t k = 0; k < p.size(); k++) p[k] += q[k];
    right += std::max_element(p.begin(), p.end()) - p.begin() == test_labels[i];
  }
  std::printf("%d of %zu right\n", right, test_labels.size());
} catch (const std::exception &e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
