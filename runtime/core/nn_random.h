/* Counter-based random numbers: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
   easy as 1, 2, 3" (SC 2011). MIT-0.

   A draw is a pure function of (seed, iter, step, site, element): key = seed (low word, high word), counter =
   (element / 4, iter, step, site), element e takes word e % 4. So no state is kept, any element can be drawn
   by any thread, and a draw can be repeated.

     uniform in [0, 1)   (w >> 8) 2^-24
     normal              (w0, w1) of a block give elements 0 and 1, (w2, w3) give 2 and 3: r cos t, r sin t
   with r = sqrt(-2 ln((k_a + 1) 2^-24)), t = 2 pi k_b 2^-24, k = w >> 8 (Box and Muller) double of data
   ((w1:w0) >> 11) 2^-53

   f32 and f64 draws come from the same words. */
#ifndef NN_RANDOM_H
#define NN_RANDOM_H

#include "nn_math.h"

typedef struct nn_words {
  uint32_t w[4];
} nn_words;

/* Round i of 10, counted from 0: the key goes up by a constant each time. */
NN_INLINE nn_words nn_philox_round(nn_words c, uint64_t key, uint32_t i) {
  uint64_t p0 = (uint64_t)0xD2511F53u * c.w[0], p1 = (uint64_t)0xCD9E8D57u * c.w[2];
  nn_words out;
  out.w[0] = (uint32_t)(p1 >> 32) ^ c.w[1] ^ ((uint32_t)key + i * 0x9E3779B9u);
  out.w[1] = (uint32_t)p1;
  out.w[2] = (uint32_t)(p0 >> 32) ^ c.w[3] ^ ((uint32_t)(key >> 32) + i * 0xBB67AE85u);
  out.w[3] = (uint32_t)p0;
  return out;
}

/* Written out, so that loops over elements become vectors. */
NN_INLINE nn_words nn_philox(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
  nn_words c;
  c.w[0] = c0;
  c.w[1] = c1;
  c.w[2] = c2;
  c.w[3] = c3;
  c = nn_philox_round(c, key, 0);
  c = nn_philox_round(c, key, 1);
  c = nn_philox_round(c, key, 2);
  c = nn_philox_round(c, key, 3);
  c = nn_philox_round(c, key, 4);
  c = nn_philox_round(c, key, 5);
  c = nn_philox_round(c, key, 6);
  c = nn_philox_round(c, key, 7);
  c = nn_philox_round(c, key, 8);
  return nn_philox_round(c, key, 9);
}

/* Word e % 4 by selects: an index would keep loops from becoming vectors. */
NN_INLINE uint32_t nn_word(nn_words b, uint64_t e) {
  uint32_t even = e & 2u ? b.w[2] : b.w[0], odd = e & 2u ? b.w[3] : b.w[1];
  return e & 1u ? odd : even;
}

NN_INLINE nn_words nn_rand_words(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site,
                                 uint64_t element) {
  return nn_philox(seed, (uint32_t)(element / 4u), iter, step, site);
}

/* In a loop of a computed field, whose counter has the example in the iteration's place: the site hashed on
   by the iteration's number, low byte first. That of the first one stays. */
NN_INLINE uint32_t nn_site_at(uint32_t site, uint32_t iter) {
  int k;
  for (k = 0; iter && k < 32; k += 8) site = (site ^ ((iter >> k) & 255u)) * 16777619u;
  return site;
}

/* FNV-1a, 32 bit, of the bytes of a path: the site of a draw. */
NN_INLINE uint32_t nn_fnv1a(const char *s) {
  uint32_t h = 2166136261u;
  for (; *s; s++) h = (h ^ (uint32_t)(unsigned char)*s) * 16777619u;
  return h;
}

/* The double in [0, 1) that shuffles data. */
NN_INLINE double nn_philox_double(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
  nn_words b = nn_philox(seed, c0, c1, c2, c3);
  uint64_t w = (uint64_t)b.w[1] << 32 | b.w[0];
  return (double)(w >> 11) * 0x1p-53;
}

/* ---- one word or pair to a number */
NN_INLINE float nn_uniformf(uint32_t w) { return (float)(w >> 8) * 0x1p-24f; }
NN_INLINE double nn_uniform(uint32_t w) { return (double)(w >> 8) * 0x1p-24; }

/* t = 2 pi k 2^-24 = quadrant * pi / 2 + near, |near| <= pi / 4; k = w >> 8, the quadrant exact in integers.
   The cosine has its quadrants counted from 0, the sine from 3. */
NN_INLINE double nn_turn(uint32_t w, int sine, uint32_t *quadrant) {
  uint32_t k = w >> 8, q = (k + 0x200000u) >> 22;
  *quadrant = q + (sine ? 3u : 0u);
  return ((double)(int32_t)k - (double)(int32_t)(q << 22)) * (6.283185307179586 * 0x1p-24);
}

/* r cos t (sine = 0) or r sin t (sine = 1) */
NN_INLINE double nn_normal(uint32_t wa, uint32_t wb, int sine) {
  double r = sqrt(-2.0 * nn_log((double)((wa >> 8) + 1u) * 0x1p-24)), t, y;
  uint32_t q;
  t = nn_turn(wb, sine, &q);
  y = q & 1u ? nn_sin_near(t, 0.0) : nn_cos_near(t, 0.0);
  return r * ((q + 1u) & 2u ? -y : y);
}
NN_INLINE float nn_normalf(uint32_t wa, uint32_t wb, int sine) {
  float r = sqrtf(-2.0f * nn_logf((float)((wa >> 8) + 1u) * 0x1p-24f));
  uint32_t q;
  double t = nn_turn(wb, sine, &q), y = q & 1u ? nn_sin_nearf(t) : nn_cos_nearf(t);
  return r * (float)((q + 1u) & 2u ? -y : y);
}

/* ---- one element */
NN_INLINE float nn_randf(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t element) {
  return nn_uniformf(nn_word(nn_rand_words(seed, iter, step, site, element), element));
}
NN_INLINE double nn_rand(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t element) {
  return nn_uniform(nn_word(nn_rand_words(seed, iter, step, site, element), element));
}
NN_INLINE float nn_randnf(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t element) {
  nn_words b = nn_rand_words(seed, iter, step, site, element);
  uint64_t pair = element & 2u;
  return nn_normalf(nn_word(b, pair), nn_word(b, pair + 1u), (int)(element & 1u));
}
NN_INLINE double nn_randn(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t element) {
  nn_words b = nn_rand_words(seed, iter, step, site, element);
  uint64_t pair = element & 2u;
  return nn_normal(nn_word(b, pair), nn_word(b, pair + 1u), (int)(element & 1u));
}

/* ---- elements 4 block .. 4 block + 3 at once, the same values */
NN_INLINE void nn_rand4f(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t block,
                         float out[4]) {
  nn_words b = nn_philox(seed, (uint32_t)block, iter, step, site);
  int i;
  for (i = 0; i < 4; i++) out[i] = nn_uniformf(b.w[i]);
}
NN_INLINE void nn_randn4f(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t block,
                          float out[4]) {
  nn_words b = nn_philox(seed, (uint32_t)block, iter, step, site);
  int i;
  for (i = 0; i < 4; i++) out[i] = nn_normalf(b.w[i & 2], b.w[(i & 2) + 1], i & 1);
}
NN_INLINE void nn_rand4(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t block,
                        double out[4]) {
  nn_words b = nn_philox(seed, (uint32_t)block, iter, step, site);
  int i;
  for (i = 0; i < 4; i++) out[i] = nn_uniform(b.w[i]);
}
NN_INLINE void nn_randn4(uint64_t seed, uint32_t iter, uint32_t step, uint32_t site, uint64_t block,
                         double out[4]) {
  nn_words b = nn_philox(seed, (uint32_t)block, iter, step, site);
  int i;
  for (i = 0; i < 4; i++) out[i] = nn_normal(b.w[i & 2], b.w[(i & 2) + 1], i & 1);
}

#endif
