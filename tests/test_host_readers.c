// Readers of data files: what they accept, what they refuse and how they say it. (Long: every format with
// what can be wrong with it, through the same few helpers.)
#define _POSIX_C_SOURCE 200809L
#include "host_bytes.h"

#include <math.h>
#include <unistd.h>

#include "nn_read.h"

static int parse_idx(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_idx_parse(b, "file", &a, e);
  nn_array_free(&a);
  return code;
}

static int parse_npy(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_npy_parse(b, "file", &a, e);
  nn_array_free(&a);
  return code;
}

#define REFUSES(parse, literal, says) host_refuses(literal, sizeof(literal) - 1, parse, says)

static nn_array read_idx(const char *p, size_t n) {
  nn_bytes b = host_bytes(p, n);
  nn_err e = {0};
  nn_array a;
  ck_assert_int_eq(nn_idx_parse(&b, "file", &a, &e), 0);
  return a;
}

// ---- IDX

START_TEST(idx_elements_are_big_endian_of_all_six_types) {
  static const struct {
    const char *bytes;
    size_t n;
    int type;
    double want;
  } rows[] = {
      {"\0\0\x08\x01\0\0\0\1\xff", 9, NN_U8, 255},
      {"\0\0\x09\x01\0\0\0\1\xff", 9, NN_I8, -1},
      {"\0\0\x0b\x01\0\0\0\1\x01\x02", 10, NN_I16, 258},
      {"\0\0\x0c\x01\0\0\0\1\xff\xff\xff\xfe", 12, NN_I32, -2},
      {"\0\0\x0d\x01\0\0\0\1\x3f\x80\0\0", 12, NN_F32, 1},
      {"\0\0\x0e\x01\0\0\0\1\x40\0\0\0\0\0\0\0", 16, NN_F64, 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    nn_array a = read_idx(rows[i].bytes, rows[i].n);
    ck_assert_int_eq(a.type, rows[i].type);
    ck_assert_double_eq(nn_get_real(a.type, a.data), rows[i].want);
    nn_array_free(&a);
  }
}
END_TEST

START_TEST(idx_axes_are_read_in_order) {
  nn_array a = read_idx("\0\0\x08\x02\0\0\0\2\0\0\0\3abcdef", 18);
  nn_shape_buf s;
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[2, 3]");
  ck_assert_int_eq(a.data[5], 'f');
  nn_array_free(&a);
}
END_TEST

START_TEST(a_wrong_idx_file_is_refused_with_the_reason) {
  REFUSES(parse_idx, "", "0 bytes are no IDX file");
  REFUSES(parse_idx, "\x1f\x8b\x08\0more", "compressed with gzip: name it `….gz`");
  REFUSES(parse_idx, "PNG!....", "is no IDX file: it starts with 50 4e");
  REFUSES(parse_idx, "\0\0\x07\x01\0\0\0\0", "unknown IDX element type 07");
  REFUSES(parse_idx, "\0\0\x08\0", "0 axes");
  REFUSES(parse_idx, "\0\0\x08\x63\0\0\0\0", "99 axes; 1 to 16 can be read");
  REFUSES(parse_idx, "\0\0\x08\x03\0\0\0\1\0\0", "ends after 10 bytes, inside its header of 16");
  REFUSES(parse_idx, "\0\0\x08\x01\0\0\0\5abc", "its header claims u8 [5], which is 5 bytes, but 3 follow");
  REFUSES(parse_idx, "\0\0\x08\x01\0\0\0\2abc", "which is 2 bytes, but 3 follow");
  REFUSES(parse_idx, "\0\0\x0e\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "the impossible shape");
}
END_TEST

START_TEST(no_damage_of_an_idx_file_is_more_than_an_error) {
  host_damage((const unsigned char *)"\0\0\x0b\x02\0\0\0\2\0\0\0\2abcdefgh", 20, parse_idx);
}
END_TEST

// ---- NPY

#define NPY(header) "\x93NUMPY\x01\0\x46\0" header
#define NPY_F4 NPY("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }          \n")

START_TEST(an_npy_file_of_version_1_is_read) {
  nn_bytes b = host_bytes(NPY_F4 "\0\0\x80\x3f\0\0\0\x40", sizeof NPY_F4 - 1 + 8);
  nn_err e = {0};
  nn_array a;
  nn_shape_buf s;
  ck_assert_int_eq(nn_npy_parse(&b, "file", &a, &e), 0);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[1, 2]");
  ck_assert_double_eq(nn_get_real(a.type, a.data + 4), 2);
  nn_array_free(&a);
}
END_TEST

START_TEST(npy_keys_come_in_any_order_and_big_endian_is_turned) {
  static const char bytes[] =
      "\x93NUMPY\x02\0\x3a\0\0\0{\"shape\": (2,), 'fortran_order':False,'descr': '>i2'     }"
      "\x01\x02\xff\xff";
  nn_bytes b = host_bytes(bytes, sizeof bytes - 1);
  nn_err e = {0};
  nn_array a;
  ck_assert_msg(nn_npy_parse(&b, "file", &a, &e) == 0, "%s", e.text.s);
  ck_assert_int_eq(nn_get_int(a.type, a.data), 258);
  ck_assert_int_eq(nn_get_int(a.type, a.data + 2), -1);
  nn_array_free(&a);
}
END_TEST

// What numpy.save makes of numpy.asfortranarray(numpy.arange(12).reshape(2, 3, 2)), and big-endian at that.
START_TEST(an_npy_file_in_fortran_order_is_turned) {
  static const char bytes[] = NPY(
      "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3, 2), }        \n") "\0\0\0\6\0\2\0\x8\0\4\0\xa"
                                                                                 "\0\1\0\7\0\3\0\x9\0\5\0\xb";
  nn_bytes b = host_bytes(bytes, sizeof bytes - 1);
  nn_err e = {0};
  nn_array a;
  nn_shape_buf s;
  ck_assert_msg(nn_npy_parse(&b, "file", &a, &e) == 0, "%s", e.text.s);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[2, 3, 2]");
  for (int i = 0; i < 12; i++) ck_assert_int_eq(nn_get_int(a.type, a.data + 2 * i), i);
  nn_array_free(&a);
}
END_TEST

START_TEST(a_wrong_npy_file_is_refused_with_the_reason) {
  REFUSES(parse_npy, "\x93NUMPX\x01\0\x46\0", "is no NPY file");
  REFUSES(parse_npy, "\x93NUMPY\x04\0\x46\0\0\0", "is no NPY file of version 1, 2 or 3");
  REFUSES(parse_npy, "\x93NUMPY\x01\0\x46\0{", "ends inside its header");
  REFUSES(parse_npy, NPY("{'descr': '<c8', 'fortran_order': False, 'shape': (1, 2), }          \n"),
          "`<c8` can't be read");
  REFUSES(parse_npy, NPY("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }   \n"),
          "structured dtype");
  REFUSES(parse_npy, NPY("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2), }           \n"),
          "holds Python objects");
  REFUSES(parse_npy, NPY("{'descr': '<f4', 'fortran_order': False, 'shape': (3), }             \n"), "shape");
  REFUSES(parse_npy, NPY("{'descr': '<f4', 'fortran_order': False, 'fortran_order': False, }   \n"), "twice");
  REFUSES(parse_npy, NPY("{'descr': '<f4', 'fortran_order': False, }                           \n"),
          "is missing");
  REFUSES(parse_npy, NPY_F4 "\0\0\x80\x3f", "claims f32 [1, 2], which is 8 bytes, but 4 follow");
  REFUSES(parse_npy, NPY("{'descr': '<f4','fortran_order':False,'shape': (4611686018427387904,)}\n"),
          "the impossible shape");
  REFUSES(parse_npy, NPY("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }            \n") "\1\2",
          "element 1 is neither true nor false");
}
END_TEST

START_TEST(no_damage_of_an_npy_file_is_more_than_an_error) {
  host_damage((const unsigned char *)NPY_F4 "abcdefgh", sizeof NPY_F4 - 1 + 8, parse_npy);
  static const char turned[] =
      NPY("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }           \n") "abcdefgh";
  host_damage((const unsigned char *)turned, sizeof turned - 1, parse_npy);
}
END_TEST

START_TEST(an_npy_file_written_is_read_back) {
  static const int64_t dims[] = {3};
  static const float x[] = {1.5f, -0.0f, 3e-40f};
  char path[] = "/tmp/nnc-npy-XXXXXX";
  nn_err e = {0};
  nn_array a;
  close(mkstemp(path));
  ck_assert_int_eq(nn_npy_write(path, NN_F32, 1, dims, x, &e), 0);
  ck_assert_int_eq(nn_npy_read(path, &a, &e), 0);
  ck_assert_mem_eq(a.data, x, sizeof x);
  ck_assert_int_eq((a.data - a.owned) % 64, 0);
  nn_array_free(&a);
  unlink(path);
}
END_TEST

// ---- CSV

static nn_csv_spec csv_spec = {.type = NN_F32, .n_columns = 2, .sep = ','};

static int parse_csv(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_csv_parse(b, "file", &csv_spec, &a, e);
  nn_array_free(&a);
  return code;
}

// The rows as text: "1 2;3 4;"
static void csv_gives(const char *text, nn_csv_spec spec, const char *want) {
  nn_bytes b = host_bytes(text, strlen(text));
  nn_err e = {0};
  nn_array a;
  nn_text got = {0};
  ck_assert_msg(nn_csv_parse(&b, "file", &spec, &a, &e) == 0, "%s", e.text.s);
  for (size_t i = 0; i < a.count; i++)
    nn_text_addf(&got, "%g%s", nn_get_real(a.type, a.data + i * nn_types[a.type].size),
                 (i + 1) % spec.n_columns ? " " : ";");
  ck_assert_str_eq(got.s, want);
  nn_text_free(&got);
  nn_array_free(&a);
}

START_TEST(csv_lines_become_rows) {
  static const char *const names[] = {"c", "a"};
  static const int32_t columns[] = {2, 2};
  csv_gives("1,2\n3,4\n", csv_spec, "1 2;3 4;");
  csv_gives("\xEF\xBB\xBF"
            "1,2\r\n\r\n \n3,4",
            csv_spec, "1 2;3 4;");
  csv_gives(" 1 ,\t2\n\"3\" , \"-4.5e1\"\n", csv_spec, "1 2;3 -45;");
  csv_gives("1,nan\n-inf,.5\n", csv_spec, "1 nan;-inf 0.5;");
  csv_gives("\"a\",\"b \"\"x\"\"\",\"c\nd\"\n1,2,3\n", (nn_csv_spec){NN_F64, 3, NULL, NULL, 1, ','},
            "1 2 3;");
  csv_gives("a,b,c\n1,2,3\n", (nn_csv_spec){NN_F64, 2, NULL, names, 1, ','}, "3 1;");
  csv_gives("1;2;3\n4;5;6", (nn_csv_spec){NN_I32, 2, columns, NULL, 0, ';'}, "3 3;6 6;");
  csv_gives("true,0\n1,false\n", (nn_csv_spec){NN_MASK, 2, NULL, NULL, 0, ','}, "1 0;1 0;");
  csv_gives("255,0\n", (nn_csv_spec){NN_U8, 2, NULL, NULL, 0, ','}, "255 0;");
}
END_TEST

START_TEST(a_wrong_csv_file_is_refused_with_line_and_column) {
  static const char *const names[] = {"a", "z"};
  REFUSES(parse_csv, "", "is empty");
  REFUSES(parse_csv, "\n \n", "is empty");
  REFUSES(parse_csv, "x,y\n1,2\n", "file:1: column 1: `x` is not of type f32; if this line is a header");
  REFUSES(parse_csv, "1,2\n3,NA\n", "file:2: column 2: `NA` is not of type f32");
  REFUSES(parse_csv, "1,2\n\n3,\n", "file:3: column 2 is empty");
  REFUSES(parse_csv, "1,2\n3\n", "file:2: 1 column, where the first line has 2");
  REFUSES(parse_csv, "1,2\n3,4,5\n", "file:2: 3 columns");
  REFUSES(parse_csv, "1\n", "file:1: has 1 column, but the field takes 2");
  REFUSES(parse_csv, "1,2,3\n", "file:1: has 3 columns, but the field takes 2; name the wanted ones");
  REFUSES(parse_csv, "1,2\n3,\"4\n5", "file:2: a quoted cell is never closed");
  REFUSES(parse_csv, "1,2\n3,\"4\"5\n", "file:2: text after the closing quote");
  REFUSES(parse_csv, "1,1e39\n", "`1e39` is not of type f32");
  REFUSES(parse_csv, "1,0x10\n", "`0x10` is not of type f32");
  csv_spec.type = NN_U8;
  REFUSES(parse_csv, "1,256\n", "`256` is not of type u8");
  REFUSES(parse_csv, "1,1.0\n", "`1.0` is not of type u8");
  REFUSES(parse_csv, "1,99999999999999999999\n", "is not of type u8");
  csv_spec.header = 1;
  csv_spec.column_names = names;
  REFUSES(parse_csv, "a,b\n1,2\n", "file:1: no column is called `z`");
  REFUSES(parse_csv, "a,z,z\n1,2,3\n", "more than one column is called `z`");
  REFUSES(parse_csv, "a,z\n1,x\n", "file:2: column 2 (z): `x` is not of type u8");
}
END_TEST

START_TEST(no_damage_of_a_csv_file_is_more_than_an_error) {
  static const char text[] = "\"a\",b\r\n1,-2.5e1\n\n\"3\",4\n";
  csv_spec.header = 1;
  csv_spec.column_names = NULL;
  csv_spec.type = NN_F32;
  host_damage((const unsigned char *)text, sizeof text - 1, parse_csv);
}
END_TEST

// ---- files and element types

START_TEST(what_is_no_regular_file_is_refused_by_the_system_exit_code) {
  static const struct {
    const char *path, *says;
  } rows[] = {
      {"/nonexistent/x", "can't be opened"}, {"/tmp", "is a directory"}, {"/dev/zero", "not a regular file"}};
  for (size_t i = 0; i < 3; i++) {
    nn_bytes b;
    nn_err e = {0};
    ck_assert_int_eq(nn_read_file(rows[i].path, &b, &e), NN_EXIT_SYSTEM);
    ck_assert_ptr_nonnull(strstr(e.text.s, rows[i].says));
    nn_err_free(&e);
  }
}
END_TEST

START_TEST(half_floats_round_to_nearest_even) {
  static const struct {
    int type;
    double x;
    uint16_t bits;
  } rows[] = {
      {NN_F16, 1, 0x3c00},           {NN_F16, -2, 0xc000},          {NN_F16, 65504, 0x7bff},
      {NN_F16, 65519.99, 0x7bff},    {NN_F16, 65520, 0x7c00},       {NN_F16, 0x1p-24, 0x0001},
      {NN_F16, 0x1p-25, 0},          {NN_F16, 0x1.8p-25, 1},        {NN_F16, 0x1p-14, 0x0400},
      {NN_F16, 1 + 0x1p-11, 0x3c00}, {NN_F16, 1 + 0x3p-11, 0x3c02}, {NN_F16, -0.0, 0x8000},
      {NN_F16, INFINITY, 0x7c00},    {NN_BF16, 1, 0x3f80},          {NN_BF16, 1 + 0x1p-8, 0x3f80},
      {NN_BF16, 1 + 0x3p-8, 0x3f82}, {NN_BF16, 3.4e38, 0x7f80},     {NN_BF16, 0x1p-133, 0x0001},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint16_t h;
    nn_put_real(rows[i].type, &h, rows[i].x);
    ck_assert_msg(h == rows[i].bits, "%g: %04x, expected %04x", rows[i].x, h, rows[i].bits);
  }
  for (unsigned u = 0; u < 0x10000; u++) { // every value but the NaNs comes back
    uint16_t in = (uint16_t)u, out;
    for (int type = NN_F16; type <= NN_BF16; type++) {
      double x = nn_get_real(type, &in);
      nn_put_real(type, &out, x);
      ck_assert(x != x || in == out);
    }
  }
}
END_TEST

START_TEST(only_conversions_that_lose_nothing_but_float_digits_are_allowed) {
  ck_assert(nn_convertible(NN_F32, NN_F64) && nn_convertible(NN_F64, NN_F16) &&
            nn_convertible(NN_F16, NN_F32));
  ck_assert(nn_convertible(NN_I32, NN_U8) && nn_convertible(NN_I16, NN_I8) &&
            nn_convertible(NN_I64, NN_TYPE_U32));
  ck_assert(nn_convertible(NN_MASK, NN_U8) && nn_convertible(NN_MASK, NN_TYPE_BOOL));
  ck_assert(!nn_convertible(NN_F32, NN_U8) && !nn_convertible(NN_I32, NN_I64) &&
            !nn_convertible(NN_I8, NN_U8));
  ck_assert(!nn_convertible(NN_U8, NN_I8) && !nn_convertible(NN_I32, NN_F32) &&
            !nn_convertible(NN_I64, NN_TYPE_U64));
  ck_assert(!nn_convertible(NN_I32, NN_TYPE_BOOL));
}
END_TEST

// ---- raw and CIFAR-10

static const int64_t two[] = {2};
static const nn_raw_spec pairs = {NN_I16, 1, two, 2}, flags = {NN_MASK, 0, NULL, 1};

static int parse_raw(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_raw_parse(b, "file", &pairs, &a, e);
  nn_array_free(&a);
  return code;
}

static int parse_flags(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_raw_parse(b, "file", &flags, &a, e);
  nn_array_free(&a);
  return code;
}

START_TEST(raw_numbers_are_little_endian_of_the_wanted_type) {
  nn_bytes b = host_bytes("\x01\x02\xff\xff\0\0\x05\0", 8);
  nn_err e = {0};
  nn_array a;
  nn_shape_buf s;
  ck_assert_int_eq(nn_raw_parse(&b, "file", &pairs, &a, &e), 0);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[2, 2]");
  ck_assert_int_eq(nn_get_int(a.type, a.data), 513);
  ck_assert_int_eq(nn_get_int(a.type, a.data + 2), -1);
  ck_assert_int_eq(nn_get_int(a.type, a.data + 6), 5);
  nn_array_free(&a);
}
END_TEST

START_TEST(a_wrong_raw_file_is_refused_with_the_reason) {
  REFUSES(parse_raw, "abcdefg", "has 7 bytes, which is no multiple of the 4 of an example i16[2]");
  REFUSES(parse_flags, "\1\0\2", "byte 2 is neither true nor false");
  host_damage((const unsigned char *)"abcdefgh", 8, parse_raw);
  host_damage((const unsigned char *)"\0\1\0", 3, parse_flags);
}
END_TEST

static unsigned char cifar[2 * 3073]; // labels 7 and 9, pixels that say where they stand

static nn_array read_cifar(int images) {
  nn_err e = {0};
  nn_array a;
  for (size_t i = 0; i < sizeof cifar; i++) cifar[i] = (unsigned char)(i / 3073 * 100 + i % 3073 / 32);
  cifar[0] = 7;
  cifar[3073] = 9;
  nn_bytes b = host_bytes(cifar, sizeof cifar);
  ck_assert_int_eq(nn_cifar_parse(&b, "file", images, &a, &e), 0);
  return a;
}

START_TEST(a_cifar_file_gives_labels_or_images) {
  nn_shape_buf s;
  nn_array a = read_cifar(0);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[2]");
  ck_assert_uint_eq(a.count, 2);
  ck_assert(a.type == NN_U8 && a.data[0] == 7 && a.data[1] == 9);
  nn_array_free(&a);
  a = read_cifar(1);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[2, 3, 32, 32]");
  ck_assert_uint_eq(a.count, 2 * 3072);
  for (size_t i = 0; i < a.count; i++) ck_assert_int_eq(a.data[i], cifar[i + 1 + i / 3072]);
  nn_array_free(&a);
}
END_TEST

static int parse_cifar(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_cifar_parse(b, "file", b->n % 2, &a, e);
  nn_array_free(&a);
  return code;
}

START_TEST(a_wrong_cifar_file_is_refused_with_the_reason) {
  host_refuses(cifar, 3072, parse_cifar,
               "has 3072 bytes, which is no multiple of the 3073 of a CIFAR-10 record");
  host_refuses(cifar, 3074, parse_cifar, "CIFAR-100 has two labels");
  nn_array a = read_cifar(0);
  nn_array_free(&a);
  cifar[3073] = 10;
  host_refuses(cifar, sizeof cifar, parse_cifar, "record 1 has the label 10; CIFAR-10 has 0 to 9");
  for (size_t n = 1; n < sizeof cifar; n++) {
    nn_bytes b = host_bytes(cifar, n);
    nn_err e = {0};
    ck_assert_int_eq(parse_cifar(&b, &e), n == 3073 ? 0 : NN_EXIT_CONTENT);
    nn_err_free(&e);
  }
}
END_TEST

// ---- text

// The windows of a text, as text: "abc|cde".
static void text_gives(const char *text, size_t window, size_t stride, const char *want) {
  nn_bytes b = host_bytes(text, strlen(text));
  nn_err e = {0};
  nn_array a;
  nn_text got = {0};
  ck_assert_msg(nn_text_parse(&b, "file", window, stride, &a, &e) == 0, "%s", e.text.s);
  ck_assert(a.type == NN_U8 && a.rank == 2 && a.dims[1] == (int64_t)window);
  ck_assert_uint_eq(a.count, ((size_t)a.dims[0] - 1) * stride + window);
  for (int64_t i = 0; i < a.dims[0]; i++)
    nn_text_addf(&got, "%s%.*s", i ? "|" : "", (int)window, (const char *)a.data + (size_t)i * stride);
  ck_assert_str_eq(got.s, want);
  nn_text_free(&got);
  nn_array_free(&a);
}

START_TEST(a_text_is_cut_into_windows_and_its_rest_is_dropped) {
  text_gives("abcdefgh", 3, 3, "abc|def");
  text_gives("abcdefgh", 3, 2, "abc|cde|efg");
  text_gives("abcdefghi", 3, 2, "abc|cde|efg|ghi");
  text_gives("abcdefgh", 2, 5, "ab|fg");
  text_gives("abcde", 5, 1, "abcde");
}
END_TEST

static int parse_text(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_text_parse(b, "file", 4, 3, &a, e);
  nn_array_free(&a);
  return code;
}

START_TEST(a_text_shorter_than_a_window_is_refused) {
  REFUSES(parse_text, "", "has 0 bytes, too few for a window of 4");
  REFUSES(parse_text, "abc", "has 3 bytes, too few for a window of 4");
  host_damage((const unsigned char *)"abcdefgh", 8, parse_text);
}
END_TEST

// ---- NPZ: tests/programs/data/{stored,deflated,zip64}.npz hold x = [[1.5, -2], [0.25, 4], [5, 6]] in f32
// and k = [3, -1, 2] in i16, written by numpy's savez and savez_compressed; zip64 with Python's
// zipfile.ZIP64_LIMIT = 10.

static nn_bytes npz_file(const char *name) {
  nn_bytes b;
  nn_err e = {0};
  nn_text path = {0};
  nn_text_addf(&path, PROJECT_DIR "/tests/programs/data/%s.npz", name);
  ck_assert_msg(nn_read_file(path.s, &b, &e) == 0, "%s", e.text.s);
  nn_text_free(&path);
  return b;
}

static void npz_gives(nn_bytes b) {
  nn_bytes copy = host_bytes(b.p, b.n);
  nn_err e = {0};
  nn_array a;
  nn_shape_buf s;
  ck_assert_msg(nn_npz_parse(&b, "file", "x", &a, &e) == 0, "%s", e.text.s);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[3, 2]");
  ck_assert(a.type == NN_F32 && nn_get_real(a.type, a.data + 8) == 0.25 &&
            nn_get_real(a.type, a.data + 20) == 6);
  nn_array_free(&a);
  ck_assert_msg(nn_npz_parse(&copy, "file", "k", &a, &e) == 0, "%s", e.text.s);
  ck_assert_str_eq(nn_shape_text(&s, a.rank, a.dims), "[3]");
  ck_assert(a.type == NN_I16 && nn_get_int(a.type, a.data + 2) == -1);
  nn_array_free(&a);
}

static int parse_npz(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_npz_parse(b, "file", "k", &a, e);
  nn_array_free(&a);
  return code;
}

static int parse_npz_missing(nn_bytes *b, nn_err *e) {
  nn_array a;
  int code = nn_npz_parse(b, "file", "labels", &a, e);
  nn_array_free(&a);
  return code;
}

// The file with `n` bytes changed at `at`.
static void npz_refuses(const char *name, size_t at, const char *bytes, size_t n, const char *says) {
  nn_bytes b = npz_file(name);
  ck_assert_uint_le(at + n, b.n);
  memcpy(b.p + at, bytes, n);
  host_refuses(b.p, b.n, parse_npz, says);
  free(b.p);
}

START_TEST(the_arrays_of_an_npz_file_are_read_by_name) {
  npz_gives(npz_file("stored"));
  npz_gives(npz_file("zip64"));
#ifdef NN_ZLIB
  npz_gives(npz_file("deflated"));
#endif
  nn_bytes b = npz_file("zip64"); // the directory's place in the ZIP64 record alone, as with 65536 arrays
  memset(b.p + b.n - 14, 0xff, 12);
  npz_gives(b);
  nn_bytes c = npz_file("stored"); // a comment at the end
  c.p = realloc(c.p, c.n + 3);
  memcpy(c.p + c.n, "abc", 3);
  c.p[c.n - 2] = 3;
  c.n += 3;
  npz_gives(c);
}
END_TEST

enum { NPZ_ENTRY = 447, NPZ_DATA = 390, NPZ_END = 498 }; // of `k` in stored.npz, and of its end record

START_TEST(a_wrong_npz_file_is_refused_with_the_reason) {
  nn_bytes b = npz_file("stored");
  host_refuses(b.p, b.n, parse_npz_missing, "has no array `labels`; it has `x`, `k`");
  host_refuses(b.p, 10, parse_npz, "is no whole zip file: it is too short");
  host_refuses(b.p, b.n - 1, parse_npz, "is no whole zip file: its directory is missing");
  free(b.p);
  npz_refuses("stored", NPZ_DATA + 2, "\7", 1, "array `k`: is damaged: its CRC-32 is not the directory's");
  npz_refuses("stored", NPZ_ENTRY + 8, "\1", 1, "array `k`: is encrypted");
  npz_refuses("stored", NPZ_ENTRY + 10, "\14", 1,
              "is compressed by method 12; stored and deflated can be read");
  npz_refuses("stored", NPZ_ENTRY + 42, "\1", 1, "array `k`: is not where the directory says");
  npz_refuses("stored", NPZ_ENTRY + 20, "\0\2", 2, "its 512 bytes go past the end of the file");
  npz_refuses("stored", NPZ_ENTRY + 24, "\1", 1, "has 134 bytes where the directory says 1");
  npz_refuses("stored", NPZ_ENTRY, "Q", 1, "is no whole zip file: its directory is damaged");
  npz_refuses("stored", NPZ_ENTRY + 28, "\377\377", 2, "its directory is cut off");
  npz_refuses("stored", NPZ_END + 6, "\1", 1, "it has several parts");
  npz_refuses("zip64", 520, "\2\0", 2, "a ZIP64 size is missing");
  npz_refuses("zip64", 520, "\377\377", 2, "an extra field is too long");
}
END_TEST

START_TEST(no_damage_of_an_npz_file_is_more_than_an_error) {
  static const char *const names[] = {"stored", "zip64", "deflated"};
  for (size_t i = 0; i < 3; i++) {
    nn_bytes b = npz_file(names[i]);
    host_damage(b.p, b.n, parse_npz);
    if (i == 1) memset(b.p + b.n - 14, 0xff, 12);
    host_damage(b.p, b.n, parse_npz);
    free(b.p);
  }
}
END_TEST

#ifndef NN_ZLIB
START_TEST(without_zlib_a_deflated_array_is_refused) {
  nn_bytes b = npz_file("deflated");
  host_refuses(b.p, b.n, parse_npz,
               "array `k`: this program was built without zlib: save the arrays uncompressed");
  free(b.p);
}
END_TEST
#endif

// ---- pictures

static int parse_pnm(nn_bytes *b, nn_err *e) {
  nn_image m;
  int code = nn_pnm_parse(b, "file", &m, e);
  free(m.p);
  return code;
}

static nn_image pnm(const char *p, size_t n) {
  nn_bytes b = host_bytes(p, n);
  nn_err e = {0};
  nn_image m;
  ck_assert_msg(nn_pnm_parse(&b, "file", &m, &e) == 0, "%s", e.text.s);
  return m;
}

// The picture placed in u8 [dims], as text.
static void pnm_gives(const char *p, size_t n, int64_t c, int64_t h, int64_t w, const char *want) {
  nn_image m = pnm(p, n);
  const int64_t dims[] = {c, h, w};
  size_t count = (size_t)(c * h * w);
  nn_bytes to = {malloc(count), count};
  nn_err e = {0};
  nn_text got = {0};
  ck_assert_msg(nn_image_place(&m, "file", dims, m.height != h || m.width != w, to.p, &e) == 0, "%s",
                e.text.s);
  for (size_t i = 0; i < count; i++) nn_text_addf(&got, "%s%d", i ? " " : "", to.p[i]);
  ck_assert_str_eq(got.s, want);
  nn_text_free(&got);
  free(to.p);
  free(m.p);
}
#define PNM_GIVES(text, c, h, w, want) pnm_gives(text, sizeof(text) - 1, c, h, w, want)

START_TEST(pictures_are_read_plain_and_binary_in_gray_and_in_colour) {
  PNM_GIVES("P2 # gray\n3 2\n255\n0 1 2\n3 4 255\n", 1, 2, 3, "0 1 2 3 4 255");
  PNM_GIVES("P5\n#a\n#b\n2 1 255\n\n ", 1, 1, 2, "10 32");
  PNM_GIVES("P5 2 1 3 \1\2", 1, 1, 2, "85 170");
  PNM_GIVES("P5 2 1 65535\n\xff\xff\x80\0", 1, 1, 2, "255 128");
  PNM_GIVES("P6 2 1 255\n\1\2\3\4\5\6", 3, 1, 2, "1 4 2 5 3 6");
  PNM_GIVES("P3 1 1 255 7 8 9", 3, 1, 1, "7 8 9");
  PNM_GIVES("P2 1 2 255 7 8", 3, 2, 1, "7 8 7 8 7 8"); // gray fills all channels
}
END_TEST

START_TEST(a_pixel_of_a_scaled_picture_is_the_mean_of_its_area) {
  PNM_GIVES("P2 2 2 255 0 10 20 40", 1, 1, 1, "18");        // 17.5
  PNM_GIVES("P2 3 1 255 0 30 90", 1, 1, 2, "10 70");        // (0 + 30/2) / 1.5, (30/2 + 90) / 1.5
  PNM_GIVES("P2 1 2 255 0 90", 1, 3, 2, "0 0 45 45 90 90"); // the line in the middle is half of each
  PNM_GIVES("P2 2 1 255 10 20", 1, 2, 4, "10 10 20 20 10 10 20 20");
}
END_TEST

START_TEST(a_wrong_picture_is_refused_with_the_reason) {
  REFUSES(parse_pnm, "", "is no PGM or PPM file");
  REFUSES(parse_pnm, "P4 1 1\n\1", "is no PGM or PPM file");
  REFUSES(parse_pnm, "P5", "is no PGM or PPM file");
  REFUSES(parse_pnm, "P5 1 # and", "ends before its height");
  REFUSES(parse_pnm, "P5 x 1 255\n\1", "byte 3: its width is no number from 0 to 65535");
  REFUSES(parse_pnm, "P5 65536 1 255\n\1", "its width is no number");
  REFUSES(parse_pnm, "P5 1 1 65536\n\1", "its largest value is no number");
  REFUSES(parse_pnm, "P5 0 1 255\n", "its header has a 0");
  REFUSES(parse_pnm, "P5 2 1 255\n\1", "claims 2 x 1 pixels, which is 2 bytes, but 1 follow");
  REFUSES(parse_pnm, "P5 2 1 255\n\1\2\3", "which is 2 bytes, but 3 follow");
  REFUSES(parse_pnm, "P5 2 1 255", "which is 2 bytes, but 0 follow");
  REFUSES(parse_pnm, "P5 1 1 255x\1", "no white space after its header");
  REFUSES(parse_pnm, "P5 1 1 3\n\4", "pixel value 4 is larger than its header's 3");
  REFUSES(parse_pnm, "P2 60000 60000 255\n1 2 3", "is too short for 60000 x 60000 pixels");
  REFUSES(parse_pnm, "P2 2 1 255 1 # 2\n", "ends before its pixel");
  REFUSES(parse_pnm, "P2 2 1 255 1 300", "byte 13: its pixel is no number from 0 to 255");
  host_damage((const unsigned char *)"P2 2 1 9 # c\n1 2", 16, parse_pnm);
  host_damage((const unsigned char *)"P6 2 1 299\n\0\1\0\2\0\3\0\4\0\5\0\6", 23, parse_pnm);
}
END_TEST

// tests/programs/data/{gray,colour}.{png,jpg}, written by Pillow: gray.png is [0 85; 170 255], colour.png 3 x
// 2; the JPEG files are of one colour, 77 and (200, 30, 59).
static int parse_picture(nn_bytes *b, nn_err *e) {
  nn_image m;
  int code = nn_picture_parse(b, "file", &m, e);
  free(m.p);
  return code;
}

static nn_bytes picture_file(const char *name) {
  nn_bytes b;
  nn_err e = {0};
  nn_text path = {0};
  nn_text_addf(&path, PROJECT_DIR "/tests/programs/data/%s", name);
  ck_assert_msg(nn_read_file(path.s, &b, &e) == 0, "%s", e.text.s);
  nn_text_free(&path);
  return b;
}

#if defined(NN_PNG) || defined(NN_JPEG)
// The picture has this size, its first pixel is `first`, and cut short it is refused.
static void picture_gives(const char *name, uint32_t w, uint32_t h, uint32_t c, const unsigned char *first,
                          const char *says) {
  nn_bytes b = picture_file(name), cut = host_bytes(b.p, b.n);
  nn_err e = {0};
  nn_image m;
  ck_assert_msg(nn_picture_parse(&b, "file", &m, &e) == 0, "%s", e.text.s);
  ck_assert(m.width == w && m.height == h && m.channels == c);
  for (uint32_t i = 0; i < c; i++) ck_assert_msg(abs(m.p[i] - first[i]) <= 1, "%s: %d", name, m.p[i]);
  free(m.p);
  host_refuses(cut.p, cut.n - 20, parse_picture, says);
  host_damage(cut.p, cut.n, parse_picture);
  free(cut.p);
}
#endif

START_TEST(png_pictures_are_read_through_libpng) {
#ifdef NN_PNG
  picture_gives("gray.png", 2, 2, 1, (const unsigned char[]){0}, "is no whole PNG file");
  picture_gives("colour.png", 3, 2, 3, (const unsigned char[]){1, 2, 3}, "is no whole PNG file");
#else
  nn_bytes b = picture_file("gray.png");
  host_refuses(b.p, b.n, parse_picture, "built without libpng");
  free(b.p);
#endif
}
END_TEST

START_TEST(jpeg_pictures_are_read_through_libjpeg) {
#ifdef NN_JPEG
  picture_gives("gray.jpg", 8, 8, 1, (const unsigned char[]){77}, "is no whole JPEG file");
  picture_gives("colour.jpg", 16, 8, 3, (const unsigned char[]){200, 30, 59}, "is no whole JPEG file");
#else
  nn_bytes b = picture_file("gray.jpg");
  host_refuses(b.p, b.n, parse_picture, "built without libjpeg");
  free(b.p);
#endif
}
END_TEST

START_TEST(a_picture_that_does_not_fit_its_field_is_refused) {
  static const int64_t gray[] = {1, 1, 1}, wide[] = {3, 1, 2};
  nn_image m = pnm("P6 1 1 255\n\1\2\3", 14);
  unsigned char to[6];
  nn_err e = {0}, f = {0};
  ck_assert_int_eq(nn_image_place(&m, "file", gray, 1, to, &e), NN_EXIT_CONTENT);
  ck_assert_str_eq(e.text.s, "file: is in colour, and the field takes 1 channel (declare 3)");
  ck_assert_int_eq(nn_image_place(&m, "file", wide, 0, to, &f), NN_EXIT_CONTENT);
  ck_assert_ptr_nonnull(strstr(f.text.s, "file: is 1 wide and 1 high, the field 2 and 1; `size = `"));
  nn_err_free(&e);
  nn_err_free(&f);
  free(m.p);
}
END_TEST

// ---- gzip: printf 'hello, hello, hello\\n' | gzip -n9

#ifdef NN_ZLIB
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                       0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8, 0x40, 0xa2,
                                       0xb8, 0x00, 0xe7, 0x42, 0x6e, 0x52, 0x14, 0x00, 0x00, 0x00};

static int parse_gzip(nn_bytes *b, nn_err *e) {
  int code = nn_gzip_unpack(b, "file", e);
  free(b->p);
  b->p = NULL;
  return code;
}

START_TEST(a_gzip_file_is_unpacked_all_its_members) {
  unsigned char twice[2 * sizeof packed];
  for (size_t i = 0; i < 2; i++) memcpy(twice + i * sizeof packed, packed, sizeof packed);
  for (size_t members = 1; members <= 2; members++) {
    nn_bytes b = host_bytes(twice, members * sizeof packed);
    nn_err e = {0};
    ck_assert_int_eq(nn_gzip_unpack(&b, "file", &e), 0);
    ck_assert_uint_eq(b.n, members * 20);
    ck_assert_int_eq(memcmp(b.p + (members - 1) * 20, "hello, hello, hello\n", 20), 0);
    free(b.p);
  }
}
END_TEST

START_TEST(a_wrong_gzip_file_is_refused_with_the_reason) {
  host_refuses("", 0, parse_gzip, "ends too early");
  host_refuses(packed, sizeof packed - 1, parse_gzip, "ends too early");
  host_refuses("abcdefghijklmnop", 16, parse_gzip, "its compressed data is damaged: incorrect header check");
  unsigned char more[sizeof packed + 2] = {0};
  memcpy(more, packed, sizeof packed);
  host_refuses(more, sizeof more, parse_gzip, "its compressed data is damaged");
  memcpy(more, packed, sizeof packed);
  more[sizeof packed - 8] ^= 1;
  host_refuses(more, sizeof packed, parse_gzip, "incorrect data check");
  host_damage(packed, sizeof packed, parse_gzip);
}
END_TEST
#else
static int parse_gzip(nn_bytes *b, nn_err *e) { return nn_gzip_unpack(b, "file", e); }
START_TEST(without_zlib_a_gzip_file_is_refused) { REFUSES(parse_gzip, "\x1f\x8b", "built without zlib"); }
END_TEST
#endif

int main(void) {
  Suite *s = suite_create("host readers");
  TCase *t = tcase_create("all");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, idx_elements_are_big_endian_of_all_six_types);
  tcase_add_test(t, idx_axes_are_read_in_order);
  tcase_add_test(t, a_wrong_idx_file_is_refused_with_the_reason);
  tcase_add_test(t, no_damage_of_an_idx_file_is_more_than_an_error);
  tcase_add_test(t, an_npy_file_of_version_1_is_read);
  tcase_add_test(t, npy_keys_come_in_any_order_and_big_endian_is_turned);
  tcase_add_test(t, an_npy_file_in_fortran_order_is_turned);
  tcase_add_test(t, a_wrong_npy_file_is_refused_with_the_reason);
  tcase_add_test(t, no_damage_of_an_npy_file_is_more_than_an_error);
  tcase_add_test(t, an_npy_file_written_is_read_back);
  tcase_add_test(t, csv_lines_become_rows);
  tcase_add_test(t, a_wrong_csv_file_is_refused_with_line_and_column);
  tcase_add_test(t, no_damage_of_a_csv_file_is_more_than_an_error);
  tcase_add_test(t, raw_numbers_are_little_endian_of_the_wanted_type);
  tcase_add_test(t, a_wrong_raw_file_is_refused_with_the_reason);
  tcase_add_test(t, a_cifar_file_gives_labels_or_images);
  tcase_add_test(t, a_wrong_cifar_file_is_refused_with_the_reason);
  tcase_add_test(t, the_arrays_of_an_npz_file_are_read_by_name);
  tcase_add_test(t, a_wrong_npz_file_is_refused_with_the_reason);
  tcase_add_test(t, no_damage_of_an_npz_file_is_more_than_an_error);
  tcase_add_test(t, pictures_are_read_plain_and_binary_in_gray_and_in_colour);
  tcase_add_test(t, a_pixel_of_a_scaled_picture_is_the_mean_of_its_area);
  tcase_add_test(t, a_wrong_picture_is_refused_with_the_reason);
  tcase_add_test(t, png_pictures_are_read_through_libpng);
  tcase_add_test(t, jpeg_pictures_are_read_through_libjpeg);
  tcase_add_test(t, a_picture_that_does_not_fit_its_field_is_refused);
  tcase_add_test(t, a_text_is_cut_into_windows_and_its_rest_is_dropped);
  tcase_add_test(t, a_text_shorter_than_a_window_is_refused);
#ifdef NN_ZLIB
  tcase_add_test(t, a_gzip_file_is_unpacked_all_its_members);
  tcase_add_test(t, a_wrong_gzip_file_is_refused_with_the_reason);
#else
  tcase_add_test(t, without_zlib_a_gzip_file_is_refused);
  tcase_add_test(t, without_zlib_a_deflated_array_is_refused);
#endif
  tcase_add_test(t, what_is_no_regular_file_is_refused_by_the_system_exit_code);
  tcase_add_test(t, half_floats_round_to_nearest_even);
  tcase_add_test(t, only_conversions_that_lose_nothing_but_float_digits_are_allowed);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
