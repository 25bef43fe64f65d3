// safetensors: what is written reads back, and a header that lies is refused.
#define _POSIX_C_SOURCE 200809L
#include "host_bytes.h"

#include <unistd.h>

#include "nn_safetensors.h"

static int parse(nn_bytes *b, nn_err *e) {
  nn_safetensors f;
  int code = nn_safetensors_parse(b, "file", &f, e);
  nn_safetensors_free(&f);
  return code;
}

// A file of this header and `n` bytes of data.
static nn_text file_of(const char *header, size_t n) {
  nn_text t = {0};
  size_t length = strlen(header);
  for (int i = 0; i < 8; i++) nn_text_add(&t, (char[]){(char)(length >> (8 * i))}, 1);
  nn_text_add(&t, header, length);
  for (size_t i = 0; i < n; i++) nn_text_add(&t, "x", 1);
  return t;
}

static void refuses(const char *header, size_t n, const char *says) {
  nn_text t = file_of(header, n);
  host_refuses(t.s, t.len, parse, says);
  nn_text_free(&t);
}

static const float weights[] = {1, 2, 3, 4, 5, 6};
static const unsigned char flags[] = {1, 0, 1};
static const nn_tensor tensors[] = {
    {.name = "net.b", .type = NN_MASK, .rank = 1, .dims = {3}, .count = 3, .data = flags},
    {.name = "net.a \"q\"\t\xc3\xa9",
     .type = NN_F32,
     .rank = 2,
     .dims = {2, 3},
     .count = 6,
     .data = (const void *)weights},
    {.name = "scalar", .type = NN_F32, .count = 1, .data = (const void *)weights},
    {.name = "none", .type = NN_F64, .rank = 1, .dims = {0}},
};

START_TEST(tensors_written_read_back_in_the_order_given) {
  char path[] = "/tmp/nnc-safe-XXXXXX";
  nn_err e = {0};
  nn_safetensors f;
  nn_bytes b;
  close(mkstemp(path));
  ck_assert_int_eq(nn_safetensors_write(path, tensors, 4, &e), 0);
  ck_assert_int_eq(nn_safetensors_read(path, &f, &e), 0);
  ck_assert_uint_eq(f.n, 4);
  const nn_tensor *t = nn_safetensors_find(&f, tensors[1].name);
  ck_assert_ptr_nonnull(t);
  ck_assert_int_eq(t->type, NN_F32);
  ck_assert(nn_same_shape(2, tensors[1].dims, t->rank, t->dims));
  ck_assert_mem_eq(t->data, weights, sizeof weights);
  ck_assert_int_eq(nn_safetensors_find(&f, "net.b")->type, NN_TYPE_BOOL);
  ck_assert_ptr_null(nn_safetensors_find(&f, "net.c"));
  nn_safetensors_free(&f);
  nn_read_file(path, &b, &e);
  ck_assert_uint_eq(b.p[0] % 8, 0);
  ck_assert_int_eq(
      memcmp(b.p + 8, "{\"net.b\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]},", 55), 0);
  free(b.p);
  unlink(path);
}
END_TEST

START_TEST(a_wrong_header_is_refused_with_the_reason) {
  host_refuses("1234567", 7, parse, "is no safetensors file: it has 7 of the first 8 bytes");
  host_refuses("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, parse,
               "should be 18446744073709551615 bytes long, 2 follow");
  refuses("", 0, "`{` is expected");
  refuses("[]", 0, "`{` is expected");
  refuses("{} x", 0, "text after the header");
  refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 8, "`}` is expected");
  refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4,
          "should end at byte 8 of the data, but only 4");
  refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9,
          "1 bytes at its end belong to no tensor");
  refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8,
          "of type f32 and shape [3] can't be 8 bytes");
  refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", 8,
          "can't be 8 bytes");
  refuses(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],"
      "\"data_offsets\":[1,3]}}",
      3, "`b` overlaps another tensor");
  refuses(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],"
      "\"data_offsets\":[2,3]}}",
      3, "bytes before `b` belong to no tensor");
  refuses(
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],"
      "\"data_offsets\":[1,2]}}",
      2, "`a` stands twice");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, "should be [begin, end]");
  refuses("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 1, "a key stands twice");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "is missing");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[[1]],\"data_offsets\":[0,1]}}", 1, "a size is expected");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, "a size is expected");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
          1, "too many");
  refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[99999999999999999999],\"data_offsets\":[0,1]}}", 1,
          "too large");
  refuses("{\"a\":{\"extra\":1}}", 1, "only dtype, shape and data_offsets");
  refuses("{\"a\\q\":{}}", 0, "unknown escape");
  refuses("{\"a\\ud800x\":{}}", 0, "unknown escape");
  refuses("{\"a", 0, "never closed");
  refuses("{\"__metadata__\":{\"k\":[[[[[[[[1]]]]]]]]}}", 0, "a string is expected");
}
END_TEST

START_TEST(metadata_and_escapes_of_others_are_accepted) {
  nn_text t = file_of("{\"__metadata__\":{\"format\":\"pt\"}, \"a\\u00e9\\ud83d\\ude00\\n\" : {\"shape\":[ "
                      "],\"dtype\":\"F8_E4M3\","
                      "\"data_offsets\":[0,1]}}  ",
                      1);
  nn_bytes b = host_bytes(t.s, t.len);
  nn_err e = {0};
  nn_safetensors f;
  ck_assert_msg(nn_safetensors_parse(&b, "file", &f, &e) == 0, "%s", e.text.s);
  ck_assert_str_eq(f.tensors[0].name, "a\xc3\xa9\xf0\x9f\x98\x80\n");
  ck_assert_int_eq(f.tensors[0].type, NN_TYPE_OTHER);
  nn_safetensors_free(&f);
  nn_text_free(&t);
}
END_TEST

START_TEST(no_damage_of_a_file_is_more_than_an_error) {
  nn_text t = file_of(
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],"
      "\"data_offsets\":[4,6]}}",
      6);
  host_damage((const unsigned char *)t.s, t.len, parse);
  nn_text_free(&t);
}
END_TEST

int main(void) {
  Suite *s = suite_create("safetensors");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, tensors_written_read_back_in_the_order_given);
  tcase_add_test(t, a_wrong_header_is_refused_with_the_reason);
  tcase_add_test(t, metadata_and_escapes_of_others_are_accepted);
  tcase_add_test(t, no_damage_of_a_file_is_more_than_an_error);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
