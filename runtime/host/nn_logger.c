/* What a running program tells: see nn_logger.h. (MIT-0)
   An event is the one form of a message; text, JSON and CSV are three ways to write it. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "nn_logger.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double nn_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int nn_logger_open(nn_logger *g, int json, int quiet, const char *file, nn_err *e) {
  const char *dot = file ? strrchr(file, '.') : NULL;
  memset(g, 0, sizeof *g);
  g->json = json;
  g->quiet = quiet;
  g->out = stdout;
  g->live = !json && !quiet && isatty(STDOUT_FILENO);
  g->began = g->shown = nn_seconds();
  if (!file) return 0;
  g->file_csv = dot && !strcmp(dot, ".csv");
  if (!g->file_csv && !(dot && !strcmp(dot, ".jsonl")))
    return nn_fail(e, NN_EXIT_USAGE, "--log: `%s` should end in .csv or .jsonl", file);
  if (nn_out_open(&g->file, file, e)) return e->code;
  if (g->file_csv) {
    const char *head = "event,train,phase,eval,epoch,step,name,value\n";
    nn_out_write(&g->file, head, strlen(head));
  }
  return 0;
}

int nn_logger_close(nn_logger *g, nn_err *e) {
  nn_logger_clear(g);
  if (g->failed || g->line.failed) nn_fail_memory(e);
  if (g->file.f) nn_out_close(&g->file, e);
  free(g->smooth);
  nn_text_free(&g->odd);
  nn_text_free(&g->line);
  return e->code;
}

/* ---- JSON and CSV */

void nn_json_string(nn_text *t, const char *s) {
  nn_text_add(t, "\"", 1);
  for (; *s; s++)
    if (*s == '"' || *s == '\\')
      nn_text_addf(t, "\\%c", *s);
    else if ((unsigned char)*s < 32)
      nn_text_addf(t, "\\u%04x", (unsigned)*s);
    else
      nn_text_add(t, s, 1);
  nn_text_add(t, "\"", 1);
}

void nn_json_number(nn_text *t, double x, int digits) {
  if (isfinite(x))
    nn_text_addf(t, "%.*g", digits, x);
  else
    nn_text_addf(t, "null");
}

static void nn_logger_key(nn_text *t, const char *key, const char *value) {
  nn_text_addf(t, "\"%s\":", key);
  if (value)
    nn_json_string(t, value);
  else
    nn_text_addf(t, "null");
}

static void nn_logger_json(nn_text *t, const nn_event *v) {
  int i;
  nn_text_addf(t, "{");
  nn_logger_key(t, "event", v->event);
  nn_text_addf(t, ",");
  nn_logger_key(t, "train", v->train);
  nn_text_addf(t, ",");
  nn_logger_key(t, "phase", v->phase);
  if (v->eval) {
    nn_text_addf(t, ",");
    nn_logger_key(t, "eval", v->eval);
  }
  nn_text_addf(t, ",\"epoch\":%llu,\"step\":%llu", (unsigned long long)v->epoch, (unsigned long long)v->step);
  for (i = 0; i < v->n_values; i++) {
    if (v->values[i].left_out) continue;
    nn_text_addf(t, ",");
    nn_json_string(t, v->values[i].name);
    nn_text_addf(t, ":");
    nn_json_number(t, v->values[i].value, v->values[i].digits);
  }
  nn_text_addf(t, "}\n");
}

static void nn_logger_csv(nn_text *t, const nn_event *v) {
  int i;
  for (i = 0; i < v->n_values; i++)
    if (!v->values[i].left_out)
      nn_text_addf(t, "%s,%s,%s,%s,%llu,%llu,%s,%.*g\n", v->event, v->train, v->phase ? v->phase : "",
                   v->eval ? v->eval : "", (unsigned long long)v->epoch, (unsigned long long)v->step,
                   v->values[i].name, v->values[i].digits, v->values[i].value);
}

/* Warns of a value that is not finite, the first time that its name has one. */
static void nn_logger_warn(nn_logger *g, const nn_event *v, const nn_value *x) {
  nn_text name;
  memset(&name, 0, sizeof name);
  nn_text_addf(&name, "\n%s%s%s\n", v->eval ? v->eval : "", v->eval ? ": " : "", x->name);
  if (name.s && !(g->odd.s && strstr(g->odd.s, name.s))) {
    nn_text_add(&g->odd, name.s, name.len);
    nn_logger_clear(g);
    fprintf(stderr, "warning: `%s` is not finite\n  = note: in %s%s%strain `%s`%s%s, epoch %llu, step %llu\n",
            x->name, v->eval ? "eval `" : "", v->eval ? v->eval : "", v->eval ? "` of " : "", v->train,
            v->phase ? ", phase " : "", v->phase ? v->phase : "", (unsigned long long)v->epoch,
            (unsigned long long)v->step);
  }
  nn_text_free(&name);
}

void nn_logger_event(nn_logger *g, const nn_event *v) {
  nn_text t;
  int i;
  for (i = 0; i < v->n_values; i++)
    if (!v->values[i].left_out && !isfinite(v->values[i].value)) nn_logger_warn(g, v, &v->values[i]);
  if (!g->json && !g->file.f) return;
  memset(&t, 0, sizeof t);
  nn_logger_json(&t, v);
  if (g->json && t.s) fwrite(t.s, 1, t.len, g->out);
  if (g->json && strcmp(v->event, "step")) fflush(g->out);
  if (g->file_csv) {
    g->failed |= t.failed;
    nn_text_free(&t);
    nn_logger_csv(&t, v);
  }
  if (g->file.f && t.s) nn_out_write(&g->file, t.s, t.len);
  g->failed |= t.failed;
  nn_text_free(&t);
}

/* ---- text */

static void nn_logger_values(nn_text *t, const nn_event *v, const nn_smooth *instead) {
  int i;
  for (i = 0; i < v->n_values; i++)
    if (instead ? instead[i].n : !v->values[i].left_out)
      nn_text_addf(t, "  %s %.5g", v->values[i].name, instead ? instead[i].mean : v->values[i].value);
}

static void nn_logger_title(nn_text *t, const nn_event *v) {
  nn_text_addf(t, "%s", v->train);
  if (v->phase) nn_text_addf(t, " %s", v->phase);
}

static void nn_logger_time(nn_text *t, double seconds) {
  if (seconds < 60)
    nn_text_addf(t, "%.1f s", seconds);
  else if (seconds < 3600)
    nn_text_addf(t, "%d:%02d min", (int)(seconds / 60), (int)seconds % 60);
  else
    nn_text_addf(t, "%.0f:%02d h", floor(seconds / 3600), (int)fmod(seconds / 60, 60));
}

void nn_logger_loop(nn_logger *g, int n_values) {
  g->began = nn_seconds();
  g->n_smooth = 0;
  free(g->smooth);
  g->smooth = g->live ? (nn_smooth *)nn_alloc((size_t)n_values, sizeof *g->smooth) : NULL;
  if (g->smooth) g->n_smooth = n_values;
}

void nn_logger_clear(nn_logger *g) {
  if (!g->live_width) return;
  fprintf(g->out, "\r%*s\r", (int)g->live_width, "");
  fflush(g->out);
  g->live_width = 0;
}

static size_t nn_logger_columns(void) {
  struct winsize w;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 8) return w.ws_col;
  return 80;
}

static void nn_logger_bar(nn_text *t, double part) {
  char bar[21];
  int i, full = (int)(part * 20);
  for (i = 0; i < 20; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
  bar[20] = 0;
  nn_text_addf(t, " [%s]", bar);
}

static void nn_logger_live(nn_logger *g, const nn_event *v, const nn_progress *p, double now) {
  double spent = now - g->began, steps = (double)p->steps;
  double done = ((double)(p->epoch - 1) * steps + (double)p->step) / ((double)p->epochs * steps);
  size_t width = nn_logger_columns() - 1;
  nn_text t;
  memset(&t, 0, sizeof t);
  nn_logger_title(&t, v);
  nn_text_addf(&t, "  epoch %llu/%llu", (unsigned long long)p->epoch, (unsigned long long)p->epochs);
  nn_logger_bar(&t, (double)p->step / steps);
  nn_text_addf(&t, "  step %llu", (unsigned long long)v->step);
  if (spent > 0) nn_text_addf(&t, "  %.0f/s", (double)p->samples / spent);
  if (done > 0) {
    nn_text_addf(&t, "  ");
    nn_logger_time(&t, spent * (1 - done) / done);
    nn_text_addf(&t, " left");
  }
  nn_logger_values(&t, v, g->smooth);
  if (t.s) {
    if (t.len > width) t.s[t.len = width] = 0;
    fprintf(g->out, "\r%s%*s", t.s, t.len < g->live_width ? (int)(g->live_width - t.len) : 0, "");
    fflush(g->out);
    g->live_width = t.len;
  }
  nn_text_free(&t);
}

void nn_logger_step(nn_logger *g, const nn_event *v, const nn_progress *p) {
  double now;
  int i;
  if (!g->live || !g->smooth || v->n_values > g->n_smooth) return;
  for (i = 0; i < v->n_values; i++) {
    nn_smooth *s = &g->smooth[i];
    if (v->values[i].left_out) continue;
    s->n += s->n < 20;
    s->mean += (v->values[i].value - s->mean) / (double)s->n;
  }
  now = nn_seconds();
  if (now - g->shown < 0.1) return;
  g->shown = now;
  nn_logger_live(g, v, p, now);
}

void nn_logger_epoch(nn_logger *g, const nn_event *v, const nn_progress *p) {
  if (g->quiet || g->json) return;
  nn_logger_title(&g->line, v);
  nn_text_addf(&g->line, "  epoch %llu/%llu", (unsigned long long)p->epoch, (unsigned long long)p->epochs);
  nn_text_addf(&g->line, "  step %llu", (unsigned long long)v->step);
  nn_logger_values(&g->line, v, NULL);
}

void nn_logger_eval(nn_logger *g, const nn_event *v) {
  if (g->quiet || g->json) return;
  if (g->line.len)
    nn_text_addf(&g->line, " |");
  else
    nn_logger_title(&g->line, v);
  nn_text_addf(&g->line, "  eval %s:", v->eval);
  nn_logger_values(&g->line, v, NULL);
}

void nn_logger_flush(nn_logger *g) {
  if (!g->line.len) return;
  nn_logger_clear(g);
  fprintf(g->out, "%s  (", g->line.s);
  g->line.len = 0;
  nn_logger_time(&g->line, nn_seconds() - g->began);
  fprintf(g->out, "%s)\n", g->line.s);
  fflush(g->out);
  g->line.len = 0;
}

void nn_logger_publish(nn_logger *g) { fflush(g->out); }

void nn_logger_walk(nn_logger *g, nn_pack *k) {
  const char *s;
  size_t n;
  if (k->to) {
    nn_pack_put_text(k, g->line.len ? g->line.s : "");
    return;
  }
  nn_pack_get_text(k, &s, &n);
  if (!g->quiet && !g->json) nn_text_add(&g->line, s, n);
}
