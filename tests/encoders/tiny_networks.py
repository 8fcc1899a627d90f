"""Pretrained networks as small as they can be, with random weights, in a folder; offline."""

from __future__ import annotations

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

FAMILIES = ("bert", "distilbert", "roberta", "mpnet", "deberta-v2")
WORDS = ["a", "the", "film", "is", "was", "good", "great", "bad", "awful", "not", "very", "plot", "music", "boring"]
WORDS += ["fun", "i", "it", "and", "but", "!"]
DIM, POSITIONS = 16, 34
BEGIN, END, UNKNOWN = ("[CLS]", "<s>"), ("[SEP]", "</s>"), ("[UNK]", "<unk>")


def tokenizer_of(specials):
    """A tokenizer of words; ``specials`` are its first tokens, with the beginning, the end and the unknown one."""
    vocabulary = {token: i for i, token in enumerate([*specials, *WORDS])}
    begin, end, unknown = (next(t for t in specials if t in kinds) for kinds in (BEGIN, END, UNKNOWN))
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(token, vocabulary[token]) for token in (begin, end)]
    )
    return tokenizer, len(vocabulary)


def config_of(family, n_tokens, layers=2):
    """The configuration of a family at this size."""
    common = {"vocab_size": n_tokens, "max_position_embeddings": POSITIONS}
    if family == "distilbert":
        return transformers.DistilBertConfig(
            **common, dim=DIM, n_layers=layers, n_heads=2, hidden_dim=24, pad_token_id=0
        )
    sizes = {"hidden_size": DIM, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 24}
    kind = {
        "bert": transformers.BertConfig,
        "roberta": transformers.RobertaConfig,
        "mpnet": transformers.MPNetConfig,
        "deberta-v2": transformers.DebertaV2Config,
    }[family]
    if family == "deberta-v2":
        sizes |= {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "position_buckets": 8,
            "max_relative_positions": 16,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
        }
    padding = 1 if family in ("roberta", "mpnet") else 0
    return kind(**common, **sizes, pad_token_id=padding)


def save_network(folder, family="bert", layers=2, seed=0):
    """Save a network with random weights, and its tokenizer; return the folder's name."""
    padding_second = ["<s>", "<pad>", "</s>", "<unk>"]
    specials = padding_second if family in ("roberta", "mpnet") else ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    tokenizer, n_tokens = tokenizer_of(specials)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = transformers.AutoModel.from_config(config_of(family, n_tokens, layers))
        for parameter in network.parameters():  # the usual 0.02 would leave all texts alike
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder)


def reviews(n, seed=0):
    """Texts of these words and their classes, which the words good, great, bad and awful decide."""
    generator = torch.Generator().manual_seed(seed)
    texts, labels = [], []
    for i in range(n):
        label = i % 2
        length = int(torch.randint(1, 20, (), generator=generator))
        words = [WORDS[int(k)] for k in torch.randint(0, len(WORDS), (length,), generator=generator)]
        words = [word for word in words if word not in ("good", "great", "bad", "awful")]
        told = (("bad", "awful"), ("good", "great"))[label]
        words.insert(length // 3, told[int(torch.randint(0, 2, (), generator=generator))])
        texts.append(" ".join(words))
        labels.append(("no", "yes")[label])
    return texts, labels
