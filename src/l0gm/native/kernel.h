/* The evaluation of folded rows, BLOCK at a time, with vectors of VECTOR floats: module.c includes this for each pair of them.
 *
 * Every row goes through the same operations in the same order, whichever rows are beside it: blocks are filled up with
 * idle rows, so that no row meets code of another shape. */

#define PASTE_(name, suffix) name##_##suffix
#define PASTE(name, suffix) PASTE_(name, suffix)
#define NAME(name) PASTE(name, SUFFIX)
#define INLINE static inline __attribute__((always_inline))
#define EACH(v, n) for (int v = 0; v < (n); v++)
#define ROWS (VECTOR / 4) /* that are added up at a time: as many as there are registers for */

typedef float NAME(vector) __attribute__((vector_size(4 * VECTOR), aligned(4), may_alias));
typedef int32_t NAME(bits) __attribute__((vector_size(4 * VECTOR)));
#define vec NAME(vector)

INLINE vec NAME(load)(const float *p) { return *(const vec *)p; }
INLINE void NAME(store)(float *p, vec a) { *(vec *)p = a; }
INLINE vec NAME(relu)(vec a) { return (vec)((NAME(bits))a & (NAME(bits))(a > (vec){0})); }
INLINE float NAME(sum)(vec a)
{
    float s[VECTOR];
    NAME(store)(s, a);
    four t = *(const four *)s;
    for (int i = 4; i < VECTOR; i += 4) t += *(const four *)(s + i);
    return (t[0] + t[2]) + (t[1] + t[3]);
}

/* Codes and fractions of a block of one field's numbers: code 0 is missing, b + 1 the bin b, whose lower edge is below x. */
static void NAME(bin)(const Field *field, const double *doubles, const double *x, int32_t *code, float *fraction)
{
    const double *edge = doubles + field->edges, *low = doubles + field->lows, *width = doubles + field->widths;
    int64_t count[BLOCK] = {0};
    if (field->n_edges <= COUNTED_EDGES) {
        for (int64_t k = 0; k < field->n_edges; k++)
            EACH(r, BLOCK) count[r] += x[r] > edge[k];
    } else {
        EACH(r, BLOCK) {
            int64_t left = field->n_edges, base = 0;
            while (left > 1) {
                int64_t half = left / 2;
                base += edge[base + half - 1] < x[r] ? half : 0;
                left -= half;
            }
            count[r] = base + (edge[base] < x[r]);
        }
    }
    double from[BLOCK], size[BLOCK];
    EACH(r, BLOCK) from[r] = low[count[r]], size[r] = width[count[r]];
    EACH(r, BLOCK) {
        double f = (x[r] - from[r]) / size[r];
        f = f > 0.0 ? f : 0.0; /* and for NaN */
        fraction[r] = (float)(f < 1.0 ? f : 1.0);
        code[r] = x[r] == x[r] ? (int32_t)count[r] + 1 : 0;
    }
}

/* n vectors of the sums of `rows` rows, from r on: bias, a row of each table and, for numbers, a row of slopes times the
 * fraction; then the values of narrow tables and texts, which are those of one row, times their rows of a matrix. */
INLINE void NAME(add_up)(const Plan *plan, const Scratch *s, int r, int64_t at, const int n, const int rows)
{
    const float *floats = plan->floats + at;
    vec a[ROWS][64 / VECTOR];
    EACH(q, rows) EACH(v, n) a[q][v] = NAME(load)(floats + plan->bias + v * VECTOR);
    for (int64_t i = 0; i < s->n_tables; i++) {
        const int64_t *row_at = s->row_at + i * BLOCK + r;
        EACH(q, rows) EACH(v, n) a[q][v] += NAME(load)(floats + row_at[q] + v * VECTOR);
    }
    for (int64_t i = 0; i < s->n_ramps; i++) {
        const int64_t *slope_at = s->slope_at + i * BLOCK + r;
        const float *ramp = s->ramp + i * BLOCK + r;
        EACH(q, rows) EACH(v, n) a[q][v] += ramp[q] * NAME(load)(floats + slope_at[q] + v * VECTOR);
    }
    for (int64_t i = 0; i < s->n_values; i++) {
        const float *row = floats + s->matrix_at[i];
        EACH(v, n) a[0][v] += s->value[i] * NAME(load)(row + v * VECTOR);
    }
    EACH(q, rows) EACH(v, n) NAME(store)(s->sums + (r + q) * plan->width + at + v * VECTOR, a[q][v]);
}

INLINE void NAME(add_up_all)(const Plan *plan, const Scratch *s, int r, const int rows)
{
    int64_t at = 0;
    for (; at + 64 <= plan->width; at += 64) NAME(add_up)(plan, s, r, at, 64 / VECTOR, rows);
    switch (plan->width - at) {
    case 48: NAME(add_up)(plan, s, r, at, 48 / VECTOR, rows); break;
    case 32: NAME(add_up)(plan, s, r, at, 32 / VECTOR, rows); break;
    case 16: NAME(add_up)(plan, s, r, at, 16 / VECTOR, rows); break;
    }
}

/* The values of narrow tables and texts of row r. */
INLINE void NAME(read_values)(const Plan *plan, const Inputs *in, Scratch *s, int r, int64_t row)
{
    s->n_values = 0;
    for (int64_t i = 0; i < plan->n_numbers + plan->n_codes; i++) {
        const Field *field = plan->fields + i;
        const int64_t at = s->code[i * BLOCK + r] * field->narrow;
        for (int64_t k = 0; k < field->narrow; k++) {
            float value = plan->floats[field->rows + at + k];
            if (field->slopes >= 0) value += s->fraction[i * BLOCK + r] * plan->floats[field->slopes + at + k];
            s->matrix_at[s->n_values] = field->matrix + k * plan->width;
            s->value[s->n_values++] = value;
        }
    }
    for (int64_t i = 0; i < plan->n_texts; i++) {
        s->matrix_at[s->n_values] = plan->texts + i * plan->width;
        s->value[s->n_values++] = row < 0 ? 0.0f : *(const float *)(in->texts + row * in->text_row + i * in->text_column);
    }
}

/* n vectors of a layer's outputs for four rows. */
INLINE void NAME(tile)(
    const float *in, int64_t stride, int64_t depth, const float *weight, const float *bias, int64_t width,
    int64_t at, float *out, const int n)
{
    vec a[4][2];
    EACH(r, 4) EACH(v, n) a[r][v] = NAME(load)(bias + at + v * VECTOR);
    for (int64_t k = 0; k < depth; k++) {
        vec w[2];
        EACH(v, n) w[v] = NAME(load)(weight + k * width + at + v * VECTOR);
        EACH(r, 4) EACH(v, n) a[r][v] += in[r * stride + k] * w[v];
    }
    EACH(r, 4) EACH(v, n) NAME(store)(out + r * width + at + v * VECTOR, NAME(relu)(a[r][v]));
}

static int NAME(evaluate)(const Plan *plan, const Inputs *in, Scratch *s, int64_t first, int64_t last, float *out)
{
    const int64_t width = plan->width, n_outputs = plan->n_outputs, n_fields = plan->n_numbers + plan->n_codes;
    int wrong = 0;
    for (int64_t start = first; start < last; start += BLOCK) {
        const int n = last - start < BLOCK ? (int)(last - start) : BLOCK, filled = (n + 3) / 4 * 4;
        for (int64_t i = 0; i < plan->n_numbers; i++) {
            double x[BLOCK] = {0};
            int infinite = 0;
            EACH(r, n) x[r] = *(const double *)(in->numbers + (start + r) * in->number_row + i * in->number_column);
            EACH(r, BLOCK) infinite |= (x[r] - x[r] != 0.0) & (x[r] == x[r]);
            wrong |= infinite ? INFINITE_NUMBER : 0;
            NAME(bin)(plan->fields + i, plan->doubles, x, s->code + i * BLOCK, s->fraction + i * BLOCK);
        }
        for (int64_t i = 0; i < plan->n_codes; i++) {
            const uint32_t n_rows = (uint32_t)plan->fields[plan->n_numbers + i].n_rows;
            int32_t *code = s->code + (plan->n_numbers + i) * BLOCK;
            EACH(r, BLOCK) code[r] = 0;
            EACH(r, n) {
                const int32_t c = *(const int32_t *)(in->codes + (start + r) * in->code_row + i * in->code_column);
                wrong |= (uint32_t)c < n_rows ? 0 : UNKNOWN_CODE;
                code[r] = (uint32_t)c < n_rows ? c : 0;
            }
        }
        s->n_tables = s->n_ramps = 0;
        for (int64_t i = 0; i < n_fields; i++) {
            const Field *field = plan->fields + i;
            const int32_t *code = s->code + i * BLOCK;
            if (field->narrow) {
                EACH(r, filled) __builtin_prefetch(plan->floats + field->rows + code[r] * field->narrow);
                continue;
            }
            int64_t *row_at = s->row_at + s->n_tables++ * BLOCK;
            EACH(r, BLOCK) row_at[r] = field->rows + code[r] * width;
            if (field->slopes < 0) continue;
            int64_t *slope_at = s->slope_at + s->n_ramps * BLOCK;
            float *ramp = s->ramp + s->n_ramps++ * BLOCK;
            EACH(r, BLOCK) slope_at[r] = field->slopes + code[r] * width, ramp[r] = s->fraction[i * BLOCK + r];
        }
        if (plan->n_values) {
            EACH(r, filled) {
                NAME(read_values)(plan, in, s, r, r < n ? start + r : -1);
                NAME(add_up_all)(plan, s, r, 1);
            }
        } else {
            for (int r = 0; r < filled; r += ROWS) NAME(add_up_all)(plan, s, r, ROWS);
        }
        int64_t depth = plan->relu, stride = (depth + 15) / 16 * 16; /* zeros in the weights beyond depth */
        float *state = s->odd;
        EACH(r, filled) for (int64_t j = 0; j < stride; j += VECTOR)
            NAME(store)(state + r * stride + j, NAME(relu)(NAME(load)(s->sums + r * width + j)));
        for (int64_t l = 0; l < plan->n_layers; l++) {
            const Layer *layer = plan->layers + l;
            const float *weight = plan->floats + layer->weight, *bias = plan->floats + layer->bias;
            float *next = state == s->odd ? s->even : s->odd;
            for (int r = 0; r < filled; r += 4) {
                int64_t at = 0;
                for (; at + 2 * VECTOR <= layer->width; at += 2 * VECTOR)
                    NAME(tile)(state + r * stride, stride, depth, weight, bias, layer->width, at, next + r * layer->width, 2);
                if (at < layer->width)
                    NAME(tile)(state + r * stride, stride, depth, weight, bias, layer->width, at, next + r * layer->width, 1);
            }
            state = next, stride = layer->width, depth = layer->units;
        }
        for (int64_t c = 0; c < n_outputs; c++) { /* the linear term, the squares and the last layer */
            const float *linear = plan->floats + plan->linear + c * width, *square = plan->floats + plan->square + c * width;
            const float *weight = plan->floats + plan->last + c * stride;
            EACH(r, n) {
                vec a = {0};
                for (int64_t j = plan->relu / VECTOR * VECTOR; j < width; j += VECTOR) {
                    const vec x = NAME(load)(s->sums + r * width + j);
                    a += x * (NAME(load)(square + j) * x + NAME(load)(linear + j));
                }
                for (int64_t j = 0; j < stride; j += VECTOR)
                    a += NAME(load)(state + r * stride + j) * NAME(load)(weight + j);
                out[(start + r) * n_outputs + c] = NAME(sum)(a);
            }
        }
    }
    return wrong;
}

/* Probabilities (n, 2) of logits (n) of the second class. Returns whether all are finite.
 * The less probable class has e / (1 + e) with e = exp(-|x|): 2^k times a polynomial of the rest, which is at most
 * log(2) / 2 from zero; it is right to the last digit or two. */
static int NAME(sigmoid)(const float *logits, int64_t n, double *out)
{
    static const double c[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                               1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0};
    int finite = 1;
    for (int64_t start = 0; start < n; start += BLOCK) {
        const int rows = n - start < BLOCK ? (int)(n - start) : BLOCK;
        double x[BLOCK] = {0}, less[BLOCK];
        EACH(r, rows) x[r] = logits[start + r];
        EACH(r, BLOCK) {
            finite &= x[r] - x[r] == 0.0;
            double y = x[r] > 0.0 ? -x[r] : x[r];
            y = y > -700.0 ? y : -700.0;
            const double shifted = y * 1.4426950408889634 + 0x1.8p52, k = shifted - 0x1.8p52;
            const double rest = (y - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
            double e = c[0];
            for (int i = 1; i < 14; i++) e = e * rest + c[i];
            union { double number; int64_t bits; } power = {.number = shifted}; /* its last bits hold k */
            power.bits = (power.bits + 1023) << 52;
            e *= power.number;
            less[r] = e / (1.0 + e);
        }
        EACH(r, rows) {
            out[2 * (start + r)] = x[r] > 0.0 ? less[r] : 1.0 - less[r];
            out[2 * (start + r) + 1] = x[r] > 0.0 ? 1.0 - less[r] : less[r];
        }
    }
    return finite;
}

#undef vec
#undef BLOCK
#undef SUFFIX
#undef ROWS
#undef EACH
#undef INLINE
#undef NAME
#undef PASTE
#undef PASTE_
