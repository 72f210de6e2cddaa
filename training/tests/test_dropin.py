"""What factors in place of K and V are fitted to, and what a model computes with them."""

import sys
import tempfile
import types
import unittest
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import dropin  # noqa: E402
from measure import fit  # noqa: E402
from t6.config import Config  # noqa: E402
from t6.model import T6  # noqa: E402


def missed(found, target):
    return float((found - target).square().sum() / target.square().sum())


class Fit(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        self.x = torch.randn(400, 6, dtype=torch.float64)

    def test_finds_maps_that_made_the_target(self):
        maps = fit.Maps(torch.randn(8, 6).double(), torch.randn(8).double(), torch.randn(10, 6).double(), 2)
        target = maps(self.x)
        found, misses = fit.contextual(self.x, target, 2, 60)
        self.assertLess(misses[-1], 1e-6)
        self.assertLess(missed(found(self.x), target), 1e-6)

    def test_each_round_misses_less_and_all_less_than_one_a(self):
        target = (self.x @ torch.randn(6, 20).double()).view(-1, 4, 5)
        for rank in (1, 2, 3):
            found, misses = fit.contextual(self.x, target, rank, 5)
            self.assertEqual(misses, sorted(misses, reverse=True))
            self.assertAlmostEqual(missed(found(self.x), target), misses[-1], places=6)
            same = missed(fit.fixed(target, fit.fixed_heads(target, rank)), target)
            self.assertLess(misses[-1], same)
            self.assertLess(missed(fit.ranked(target, rank), target), misses[-1])

    def test_a_full_rank_misses_nothing(self):
        target = torch.randn(30, 4, 5, dtype=torch.float64)
        self.assertLess(missed(fit.ranked(target, 4), target), 1e-20)
        self.assertLess(missed(fit.fixed(target, fit.fixed_heads(target, 4)), target), 1e-20)


class Dropin(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        config = Config(attention="mha", n_layer=2, n_embd=32, n_head=4, head_dim=8, vocab_size=40, block_size=64)
        model = T6(config)
        for parameter in model.parameters():  # c_proj is born as zero
            torch.nn.init.normal_(parameter, std=0.1)
        with tempfile.TemporaryDirectory() as folder:
            torch.save({"model": model.state_dict(), "config": config.json()}, Path(folder) / "state.pt")
            self.model = dropin.DenseT6(Path(folder))
        self.plain = model
        self.ids = torch.randint(3, 40, (4, 32))
        self.seen = dropin.activations(self.model, list(torch.randint(3, 40, (30, 40))))

    @torch.no_grad()
    def test_factors_of_full_rank_change_nothing(self):
        for form in ("ranked", "fixed"):
            converted = dropin.Converted(self.model, dropin.Fits(form, self.seen), [4, 4])
            torch.testing.assert_close(converted(self.ids), self.plain(self.ids), atol=1e-4, rtol=0)

    def test_healing_brings_the_original_nearer_and_leaves_it_as_it_is(self):
        before = [parameter.clone() for parameter in self.model.parameters()]
        wanted = self.plain(self.ids).softmax(-1).detach()
        options = types.SimpleNamespace(frozen=False, lr=2e-3, steps=20)
        for form in ("fixed", "contextual"):
            converted = dropin.Converted(self.model, dropin.Fits(form, self.seen), [1, 2])
            loss = lambda: float(-(wanted * converted(self.ids).log_softmax(-1)).sum(-1).mean())
            lost = loss()
            batches = iter([[(self.ids, None, None)]] * 20)
            dropin.heal(converted, self.model, batches, options)
            self.assertLess(loss(), lost)
        for parameter, own in zip(before, self.model.parameters()):
            self.assertTrue(torch.equal(parameter, own))

    def test_counts_what_a_token_leaves(self):
        count = lambda form, rank: dropin.numbers(form, rank, self.model)
        self.assertEqual([count("contextual", 2), count("ranked", 2), count("fixed", 2), count("fixed", 0)], [24, 24, 16, 32])


if __name__ == "__main__":
    unittest.main()
