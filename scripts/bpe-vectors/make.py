"""Makes tokenizer/testdata/bpe: small tokenizer.json files of the forms that package tokenizer reads, trained here, and texts
with the ids that Hugging Face's tokenizers give, as they do for GPT-NeoX 20B.

    pip install tokenizers==0.23.3
    python3 scripts/bpe-vectors/make.py 20B_tokenizer.json tokenizer/testdata/bpe
"""

import base64
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

CORPUS = [
    "The geese don't mind: they'll graze, they've grazed, and we're watching 12 of them on the 3rd meadow.\n\n",
    "    for goose in flock:\n        print(goose.name, goose['weight'])\n\treturn 1234567890\r\n",
    "Gänse ziehen im Herbst über Österreich; où sont les oies, Noël ? 鹅是一种大型水禽。ガチョウ 거위 гуси идут 🙂🙂",
]

PARTS = [
    "'s", "'S", "'re", "'LL", "'Ve", "'ſ", "'", "''", "\n", "\r\n", "\r", "\t", " ", "  ", "   ", "\n\n", " \n", "\n ", "\u00a0", "\u3000",
    "\u2028", "\x85", "\x0b", "\x1c", "\u200b", "a", "1", "12345", "٣", "Ⅷ", "½", "e\u0301", "é", "ﬁ", "\u212b", "가", "\u1100\u1161\u11a8",
    "鹅", "مرحبا", "\u0301", "\u0316", "\u0334", "\u3099", "<|endoftext|>", "<|padding|>", "<|mark|>", "<|", "|>", "<\u0338", "ÅÄ", "A\u030aA\u0308",
    "🙂", "👩‍👩‍👧", "\ufffd", "\0", "\ue000", "goose", " geese", "the", " The", "    ", " " * 24, " " * 25, "__", "...", "=" * 5, "\u1e9b\u0323", "\u0958",
    "\U0001d15e", "\u0f73", "\U00011935\U00011930", "\U0001e4ee", "\U000105c0", "\U00016d70", "\u0898", "a" + "\u0301" * 40 + "\u0316",
]


def texts(seed):
    rng = random.Random(seed)
    yield from ["", " ", "\n", "\n\n", "\n\n\n", " " * 100, "a" * 100, "ab" * 60, "Bob: Hi!\n\nAlice:", *PARTS, *CORPUS]
    for _ in range(160):
        yield "".join(rng.choice(PARTS) for _ in range(rng.randrange(2, 14)))


def vectors(path, tokenizer, seed):
    with open(path, "w") as out:
        for text in texts(seed):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.write(json.dumps({"b64": base64.b64encode(text.encode()).decode(), "ids": ids}) + "\n")


def train(normalizer, pre):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(CORPUS * 2, trainers.BpeTrainer(
        vocab_size=420, show_progress=False, special_tokens=["<|endoftext|>", "<|padding|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken("   ", normalized=True), AddedToken("ÅÄ", normalized=True), AddedToken("<|mark|>", normalized=False)])
    return tokenizer


def main():
    neox, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    vectors(folder / "neox.jsonl", Tokenizer.from_file(neox), 1)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    qwen2 = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    for seed, (name, normalizer, pre) in enumerate([("gpt2", None, byte_level), ("mpt", normalizers.NFC(), byte_level), ("qwen2", normalizers.NFC(), qwen2)]):
        tokenizer = train(normalizer, pre)
        tokenizer.save(str(folder / f"{name}.json"), pretty=False)
        vectors(folder / f"{name}.jsonl", tokenizer, seed + 2)


main()
