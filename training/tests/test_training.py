"""What the trainer computes, held to upstream's numbers and to itself."""

import contextlib
import io
import json
import random
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[1] / "test" / "fixtures"
sys.path.insert(0, str(HERE.parent))

from learn import average  # noqa: E402
from learn import export  # noqa: E402
from learn import lora  # noqa: E402
from learn import loss  # noqa: E402
from learn import optimiser  # noqa: E402
from learn import train  # noqa: E402
from learn.data import Batches, TokenSet  # noqa: E402
from t6 import attend  # noqa: E402
from t6 import checkpoint  # noqa: E402
from t6 import safetensors  # noqa: E402
from t6.config import MECHANISMS, Config  # noqa: E402
from t6.model import T6  # noqa: E402
from tales import prompts  # noqa: E402
from tales import stories  # noqa: E402
from tales import text  # noqa: E402
from tales import words  # noqa: E402
from tales.tokenizer import Tokenizer  # noqa: E402

GOLDEN = {
    "t6": "tpa",
    "t6_groupnorm": "tpa",
    "t6_rank1": "tpa",
    "t6_kvonly": "tpa-kvonly",
    "llama_mha": "mha",
    "llama_mqa": "mqa",
    "llama_gqa": "gqa",
    "llama_mla": "mla",
}
SMALL = {"n_layer": 2, "n_embd": 32, "n_head": 4, "head_dim": 8, "v_head_dim": 8, "qk_rope_head_dim": 4}
SMALL |= {"kv_lora_rank": 12, "q_lora_rank": 12, "vocab_size": 40, "block_size": 64}


def golden(name):
    """The config, weights and outputs of a model that upstream computed in float64."""
    tensors = safetensors.read(FIXTURES / f"model_{name}.safetensors")
    config = json.loads((FIXTURES / f"model_{name}.json").read_text())["config"]
    config["attention"] = GOLDEN[name]
    if name == "llama_mha":  # upstream's MHA does not read head_dim
        config["head_dim"] = config["n_embd"] // config["n_head"]
    return Config.of(config), tensors


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = Path(held.name)
        torch.set_num_threads(1)
        torch.manual_seed(3)

    def token_set(self, name="set.npz", documents=30, seed=1):
        """A set of short documents that count upwards from a random number."""
        order = np.random.default_rng(seed)
        parts = [np.r_[1, order.integers(3, 30) + np.arange(order.integers(4, 10)), 2] for _ in range(documents)]
        path = self.folder / name
        np.savez(path, ids=np.concatenate(parts).astype(np.uint16))
        return str(path)

    def train(self, run, *more):
        data = ["--train", self.token_set(), "--validate", self.token_set("held-out.npz", 8, 2)]
        keys = [f"--{key}={value}" for key, value in SMALL.items()]
        sizes = ["--rows=4", "--tokens=32", "--warmup=2", "--every=5", "--save=5", "--precision=float32"]
        with contextlib.redirect_stdout(io.StringIO()):
            train.main([str(self.folder / run), *data, *keys, *sizes, *more])
        return torch.load(self.folder / run / "state.pt")


class Mechanisms(unittest.TestCase):
    def test_equal_upstream(self):
        for name in GOLDEN:
            with self.subTest(name):
                config, tensors = golden(name)
                model = T6(config)
                own = dict(zip(model.upstream(), model.state_dict()))
                model.load_state_dict({own[key]: tensors[key] for key in own})
                with torch.no_grad():
                    found = model(tensors["ids"].long())
                torch.testing.assert_close(found, tensors["logits_exact"], atol=1e-4, rtol=0)

    def test_all_learn_and_see_the_past_alone(self):
        for name in MECHANISMS:
            with self.subTest(name):
                model = T6(Config.of({**SMALL, "attention": name, "group_size": 2, "using_groupnorm": name == "linear"}))
                for parameter in model.parameters():  # c_proj is born as zero
                    torch.nn.init.normal_(parameter, std=0.2)
                ids = torch.randint(3, 40, (2, 33))
                before = model(ids)
                changed = ids.clone()
                changed[:, 20:] = 3
                torch.testing.assert_close(model(changed)[:, :20], before[:, :20], atol=1e-5, rtol=1e-5)
                before.square().sum().backward()
                for key, parameter in model.named_parameters():
                    self.assertGreater(float(parameter.grad.abs().max()), 0, key)


class Lora(Folder):
    def exported(self, mechanism):
        model = T6(Config.of({**SMALL, "attention": mechanism, "group_size": 2}))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        folder = self.folder / mechanism
        folder.mkdir()
        safetensors.write(folder / "model.safetensors", model.upstream())
        (folder / "config.json").write_text(json.dumps(model.config.json()))
        return folder

    def test_begins_with_the_model_and_learns(self):
        for mechanism in ("tpa", "gqa", "mla"):
            with self.subTest(mechanism):
                model = checkpoint.of_export(self.exported(mechanism))
                ids = torch.randint(3, 40, (2, 20))
                before = model(ids)
                adapted = lora.adapt(model, [], 2, 4)
                torch.testing.assert_close(model(ids), before)
                batches = Batches([TokenSet(self.token_set())], [1], 4, 16, 1)
                history = lora.train(model, adapted, batches, 20, 0.05)
                self.assertLess(history[-1], history[0] - 0.2)

    def test_what_is_written_is_what_was_trained(self):
        folder = self.exported("tpa-kvonly")
        model = checkpoint.of_export(folder)
        adapted = lora.adapt(model, ["c_q", "c_proj"], 2, 8)
        for layer in adapted.values():
            torch.nn.init.normal_(layer.b, std=0.1)
        lora.save(self.folder / "adapter", adapted, 2, 8, "base")
        factors = safetensors.read(self.folder / "adapter" / "adapter_model.safetensors")
        config = json.loads((self.folder / "adapter" / "adapter_config.json").read_text())
        self.assertEqual(config["target_modules"], ["c_proj", "c_q"])
        merged = safetensors.read(folder / "model.safetensors")
        for path in adapted:
            a, b = (factors[f"base_model.model.{path}.lora_{factor}.weight"] for factor in "AB")
            merged[path + ".weight"] += b @ a * (config["lora_alpha"] / config["r"])
        safetensors.write(folder / "model.safetensors", merged)
        ids = torch.randint(3, 40, (2, 20))
        torch.testing.assert_close(checkpoint.of_export(folder)(ids), model(ids), atol=1e-5, rtol=1e-5)


class Attention(unittest.TestCase):
    def test_blocks_equal_the_whole(self):
        for tokens in (1, 63, 64, 65, 200):
            q, k, v = (torch.randn(3, tokens, width, dtype=torch.float64, requires_grad=True) for width in (8, 8, 6))
            mask = torch.full((tokens, tokens), float("-inf"), dtype=torch.float64).triu(1)
            whole = ((q @ k.transpose(1, 2) + mask).softmax(-1)) @ v
            gradient = torch.randn_like(whole)
            blocks = attend.BlockwiseAttention.apply(q, k, v)
            torch.testing.assert_close(blocks, whole)
            for one, other in zip(
                torch.autograd.grad(blocks, (q, k, v), gradient), torch.autograd.grad(whole, (q, k, v), gradient)
            ):
                torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


class Optimiser(unittest.TestCase):
    def test_updates_are_close_to_orthogonal(self):
        for shape in ((40, 16), (16, 40), (24, 24)):
            values = torch.linalg.svdvals(optimiser.orthogonal(torch.randn(shape)))
            self.assertLess(float(values.max()), 1.3)
            self.assertGreater(float(values[:-1].min()), 0.3)

    def test_schedule_rises_stays_and_falls(self):
        rates = [optimiser.schedule(step, 100, 10, 0.1, 0.5) for step in range(100)]
        self.assertEqual(rates[9:51], [1.0] * 42)
        self.assertEqual(rates[:10], sorted(rates[:10]))
        self.assertEqual(rates[50:], sorted(rates[50:], reverse=True))
        self.assertAlmostEqual(rates[-1], 0.1, places=2)


class Data(Folder):
    def test_rows_hold_every_document(self):
        tokens = TokenSet(self.token_set())
        rows = tokens.rows(np.random.default_rng(0), 24)
        seen = np.concatenate([next(rows) for _ in range(40)])
        self.assertEqual(set(seen), set(range(len(tokens))))

    def test_a_long_document_goes_on_in_the_next_row(self):
        path = self.folder / "long.npz"
        np.savez(path, ids=np.r_[1, np.arange(3, 60)].astype(np.uint16))
        rows = TokenSet(path).rows(np.random.default_rng(0), 20)
        self.assertEqual(np.concatenate([next(rows), next(rows)]).tolist(), list(range(40)))

    def test_what_follows_is_the_next_token_of_the_row(self):
        tokens = TokenSet(self.token_set())
        indices = np.array([[0, 1, 2, 7, 8]])
        ids, following, weights = tokens.batch(indices)
        self.assertEqual(following[0, :-1, 0].tolist(), ids[0, 1:].tolist())
        self.assertEqual(float(weights.min()), 1)

    def test_refuses_what_is_no_text(self):
        for data, said in ((b"", "holds no text"), (b"\0\0\0", "holds no text"), (b"a\xff", "no text in UTF-8")):
            path = self.folder / "text.txt"
            path.write_bytes(data)
            with self.assertRaisesRegex(SystemExit, said):
                text.read(path)

    def test_refuses_what_is_no_token_set(self):
        for name, data in (("missing.npz", None), ("text.npz", b"text"), ("empty.npz", b"")):
            path = self.folder / name
            if data is not None:
                path.write_bytes(data)
            with self.assertRaisesRegex(SystemExit, "is no token set"):
                TokenSet(path)
        np.savez(self.folder / "short.npz", ids=np.array([1], np.uint16))
        with self.assertRaisesRegex(SystemExit, "holds 1 tokens"):
            TokenSet(self.folder / "short.npz")

    def test_tokenizer_gives_back_its_text(self):
        tokenizer = Tokenizer(HERE.parent / "tokenizer" / "tokenizer.json")
        for sentence in ("Once upon a time", "a  dog's\nball\u00e9", ""):
            self.assertEqual(tokenizer.decode(tokenizer.encode(sentence)), " " + sentence)


class Requests(unittest.TestCase):
    def setUp(self):
        self.tokenizer = Tokenizer(HERE.parent / "tokenizer" / "tokenizer.json")
        self.text = "Once upon a time there was a red ball and a dog. The dog took the red ball home."

    def test_ask_for_what_the_story_says(self):
        counts = {"ball": 30, "dog": 40, "home": 50}
        for seed in range(20):
            asked, words = prompts.request(self.text, counts, random.Random(seed))
            for word in words:
                self.assertIn(word, self.text)
                self.assertIn(word, asked)

    def test_the_first_mention_is_certain_and_the_rest_is_the_teachers(self):
        story = self.tokenizer.encode(self.text)
        ids = np.array([1, *story, 2])
        # A teacher that is sure of the token 100 + position, so that each row shows where it is from.
        top_ids = np.zeros((len(ids), stories.TOP), np.uint16)
        top_ids[:, 0] = 100 + np.arange(len(ids))
        probabilities = np.zeros((len(ids), stories.TOP), np.float16)
        probabilities[:, 0] = 1
        newline = self.tokenizer.encode("\n")
        answer = self.tokenizer.encode("\n" + self.text)[len(newline) :]
        certain = prompts.certain(self.tokenizer, answer, ["red ball"])
        said = self.tokenizer.decode([token for token, is_certain in zip(answer, certain) if is_certain])
        self.assertEqual(said, " red ball")
        out_ids, out = prompts.targets(answer, (ids, top_ids, probabilities), certain)
        self.assertEqual(out_ids[:, stories.TOP].tolist(), [*answer, 2])
        weights = np.append(np.where(certain, prompts.WEIGHT, 1), 1)
        np.testing.assert_allclose(out.sum(1), weights, atol=1e-3)
        self.assertTrue((out[:-1, stories.TOP][certain] == prompts.WEIGHT).all())
        soft = out[:, stories.TOP] < 1
        # Row i of the answer is what follows token i - 1; counted from the end both agree.
        from_end = np.arange(len(out)) - len(out) + len(ids) - 1
        self.assertEqual(out_ids[soft, 0].tolist(), (100 + from_end[soft]).tolist())
        self.assertGreater(soft.mean(), 0.7)


class Words(unittest.TestCase):
    def test_unknown_words_in_any_case(self):
        known = {"dog", "Tim", "don't"}
        self.assertEqual(words.unknown("Dog Tim's DOG don't otorgrass", known), ["otorgrass"])

    def test_nouns_stand_after_articles_and_before_ends(self):
        told = ["The dog was in a big box. He likes the dog and the box."] * 30
        self.assertEqual(set(words.nouns(told)), {"dog", "box"})


class Stories(unittest.TestCase):
    def test_clean_stories_are_long_and_say_nothing_twice(self):
        once = list(range(3, 80))
        self.assertTrue(stories.is_clean(once))
        self.assertFalse(stories.is_clean(once[:50]))
        self.assertFalse(stories.is_clean(once + once[:14]))
        self.assertTrue(stories.is_clean(once + once[:13]))

    def test_the_beginning_of_the_next_story_is_the_end_of_this_one(self):
        top = torch.tensor([[5, 1] + [0] * (stories.TOP - 2)])
        probabilities = torch.rand(1, stories.TOP)
        ids, top_ids, kept = stories.closed(torch.tensor([1]), top, probabilities)
        self.assertEqual(ids.tolist(), [1, 2])
        self.assertEqual(top_ids[0, :2].tolist(), [5, 2])
        self.assertEqual(kept[0].tolist(), probabilities[0].tolist())
        self.assertEqual((top_ids[1, 0].item(), kept[1, 0].item()), (1, 1.0))


class Loss(unittest.TestCase):
    def test_equals_cross_entropy_where_one_token_is_certain(self):
        logits, following = torch.randn(2, 5, 7), torch.randint(0, 7, (2, 5))
        nats, count = loss.cross_entropy(logits, following[..., None], torch.ones(2, 5, 1))
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())
        torch.testing.assert_close(nats / count, expected)

    def test_a_sum_below_1_is_scaled_one_above_is_a_weight_and_0_is_left_out(self):
        for probabilities, weight in (([0.5, 0.25], 1), ([0.6, 0.4], 1), ([3.0, 1.0], 4), ([0.0, 0.0], 0)):
            rows = torch.tensor([[probabilities]])
            nats, count = loss.cross_entropy(torch.zeros(1, 1, 4), torch.zeros(1, 1, 2, dtype=torch.long), rows)
            self.assertEqual(int(count), weight > 0)
            self.assertAlmostEqual(float(nats), weight * np.log(4), places=5)

    def test_validation_reads_each_document_alone(self):
        torch.manual_seed(1)
        model = T6(Config.of(SMALL))
        documents = [torch.randint(3, 40, (length,)) for length in (5, 9, 90)]
        nats = [
            torch.nn.functional.cross_entropy(model(d[None, :-1])[0], d[1:], reduction="sum").item()
            for d in (document[:65] for document in documents)
        ]
        found = loss.validation(model, documents, 64, rows=2)
        self.assertAlmostEqual(found, sum(nats) / (4 + 8 + 64), places=4)


class Training(Folder):
    def test_an_interrupted_run_ends_as_one_that_was_not(self):
        whole = self.train("whole", "--steps=20")
        first = self.train("parts", "--steps=20", "--every=20", "--save=10")
        self.assertEqual(first["step"], 20)
        # What a run that stopped after its tenth step left behind.
        with mock.patch.object(train.Run, "validate", side_effect=[1.0, KeyboardInterrupt]):
            with self.assertRaises(KeyboardInterrupt):
                self.train("stopped", "--steps=20", "--every=10", "--save=5")
        self.assertEqual(torch.load(self.folder / "stopped/state.pt")["step"], 15)
        resumed = self.train("stopped", "--steps=20")
        for one in (first, resumed):
            for key, tensor in whole["model"].items():
                torch.testing.assert_close(one["model"][key], tensor, atol=0, rtol=0)

    def test_learns(self):
        self.train("run", "--steps=60")
        lines = [json.loads(line) for line in (self.folder / "run/log.jsonl").read_text().splitlines()]
        self.assertLess(lines[-1]["validation"], 0.7 * lines[0]["validation"])

    def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(self):
        self.train("run", "--steps=5")
        with mock.patch.object(loss, "cross_entropy", side_effect=lambda logits, *_: (logits.sum() * float("nan"), 1)):
            with self.assertRaisesRegex(SystemExit, "loss of step 5 is nan"):
                self.train("run", "--steps=10")
        self.assertEqual(torch.load(self.folder / "run/state.pt")["step"], 5)

    def test_refuses_another_model_in_the_same_folder(self):
        self.train("run", "--steps=1")
        with self.assertRaisesRegex(SystemExit, "is of another model"):
            self.train("run", "--steps=2", "--n_head=2")

    def test_averages_two_runs(self):
        states = [self.train(name, f"--steps={steps}") for name, steps in (("one", 1), ("other", 4))]
        found = average.average(self.folder / "one", self.folder / "other", 0.25)
        for name, tensor in found["model"].items():
            first, second = (state["model"][name] for state in states)
            torch.testing.assert_close(tensor, 0.75 * first + 0.25 * second)
        self.train("wide", "--steps=1", "--n_head=2")
        with self.assertRaisesRegex(SystemExit, "different models"):
            average.average(self.folder / "one", self.folder / "wide", 0.5)

    def test_a_full_disk_leaves_the_previous_export(self):
        self.train("run", "--steps=1")
        out = self.folder / "model"
        export.export(self.folder / "run", out, HERE.parent / "tokenizer")
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        self.train("run", "--steps=2")
        with mock.patch("os.fsync", side_effect=OSError(28, "No space left on device")):
            with self.assertRaises(OSError):
                export.export(self.folder / "run", out, HERE.parent / "tokenizer")
        self.assertEqual({path.name: path.read_bytes() for path in out.iterdir()}, before)
        self.assertEqual([path.name for path in self.folder.iterdir() if "tmp" in path.name], [])


if __name__ == "__main__":
    unittest.main()
