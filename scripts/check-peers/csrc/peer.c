// Writes the logits that llama.cpp computes: peer MODEL TOKENS CHUNK THREADS OUTPUT
//
// TOKENS is a file of ids separated by blanks, read in chunks of at most CHUNK. OUTPUT gets a row of little-endian float32 for
// each token.

#include <stdio.h>
#include <stdlib.h>

#include "llama.h"

static void quiet(enum ggml_log_level level, const char * text, void * data) {
    (void) data;
    if (level >= GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_CONT) fputs(text, stderr);
}

static int fail(const char * what) {
    fprintf(stderr, "peer: %s\n", what);
    return 1;
}

int main(int argc, char ** argv) {
    if (argc != 6) return fail("want MODEL TOKENS CHUNK THREADS OUTPUT");
    FILE * in = fopen(argv[2], "r"), * out = fopen(argv[5], "wb");
    if (!in || !out) return fail("cannot open a file");
    static llama_token tokens[1 << 16];
    int n = 0;
    while (n < 1 << 16 && fscanf(in, "%d", &tokens[n]) == 1) n++;
    const int chunk = atoi(argv[3]);
    if (n == 0 || chunk < 1) return fail("no tokens");

    llama_log_set(quiet, NULL);
    llama_backend_init();
    struct llama_model_params mp = llama_model_default_params();
    mp.n_gpu_layers = 0;
    struct llama_model * model = llama_model_load_from_file(argv[1], mp);
    if (!model) return fail("the model does not load");
    struct llama_context_params cp = llama_context_default_params();
    cp.n_ctx = n + 1;
    cp.n_batch = cp.n_ubatch = chunk;
    cp.n_threads = cp.n_threads_batch = atoi(argv[4]);
    struct llama_context * ctx = llama_init_from_model(model, cp);
    if (!ctx) return fail("no context");

    const size_t vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    struct llama_batch batch = llama_batch_init(chunk, 0, 1);
    for (int at = 0; at < n; at += chunk) {
        batch.n_tokens = n - at < chunk ? n - at : chunk;
        for (int i = 0; i < batch.n_tokens; i++) {
            batch.token[i] = tokens[at + i];
            batch.pos[i] = at + i;
            batch.n_seq_id[i] = 1;
            batch.seq_id[i][0] = 0;
            batch.logits[i] = 1;
        }
        if (llama_decode(ctx, batch)) return fail("a batch is not computed");
        for (int i = 0; i < batch.n_tokens; i++) {
            if (fwrite(llama_get_logits_ith(ctx, i), sizeof(float), vocab, out) != vocab) return fail("cannot write");
        }
    }
    llama_batch_free(batch);
    llama_free(ctx);
    llama_model_free(model);
    return fclose(out) ? fail("cannot write") : 0;
}
