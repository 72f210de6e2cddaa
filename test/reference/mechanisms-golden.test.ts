import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  integers,
  loadGolden,
  tolerance,
  TWIN_MARGIN,
  VISIBLE,
} from '../helpers/checks/golden.ts';
import { namedTensors } from '../helpers/models/golden-model.ts';
import { part, PRECISIONS } from '../helpers/models/t6-model.ts';
import type { MechanismBreak } from './mechanism-breaks.ts';
import { mechanismForward, mechanismLogits } from './mechanisms.ts';

const test = suite('mechanismForward() against golden models');

/** Breaks that every golden file of a kind must show. */
const BREAKS: readonly [RegExp, readonly MechanismBreak[]][] = [
  [/./, ['rotation-sign', 'rope-precision']],
  [/t6(?!_rank1)/, ['rank-major', 'rank-scale']],
  [/groupnorm/, ['group-norm', 'group-norm-weight']],
  [/gqa/, ['grouping']],
  [/mla/, ['mla-scale', 'mla-order', 'mla-norm', 'mla-shared-norm']],
];

for (const path of goldenFiles('model_')) {
  const golden = loadGolden(path);
  const { name, meta } = golden;
  const tensors = namedTensors(golden);
  const [batch] = golden.tensors.get('ids')!.shape as [number];
  const ids = integers(golden, 'ids');
  const layers = meta.config['n_layer']!;

  for (const [cos, precision] of Object.entries(PRECISIONS)) {
    const config = { ...meta.config, rope_precision: precision };

    test(`logits and every block match to a tenth of the tolerance, ${name} ${cos}`, () => {
      for (let b = 0; b < batch; b++) {
        const { logits, residuals } = mechanismForward(config, tensors, part(ids, b, batch));
        assertClose(logits, part(floats(golden, `logits_${cos}`), b, batch), {
          atol: tolerance(golden, `logits_${cos}`) / TWIN_MARGIN,
          what: `logits of row ${b}`,
        });
        assert.is(residuals.length, layers);
        residuals.forEach((residual, layer) => {
          const hidden = floats(golden, `hidden_${cos}`);
          assertClose(residual, part(hidden, layer * batch + b, layers * batch), {
            atol: tolerance(golden, `hidden_${cos}`) / TWIN_MARGIN,
            what: `row ${b} after block ${layer}`,
          });
        });
      }
    });

    test(`the greedy continuation is equal, ${name} ${cos}`, () => {
      const greedy = integers(golden, `greedy_${cos}`);
      const prompt = meta.loss![cos]!.greedy_prompt_len;
      assert.ok(greedy.length > prompt);
      // one pass: every id after the prompt must be the argmax of the logits before it
      const logits = mechanismLogits(config, tensors, greedy);
      for (let t = prompt; t < greedy.length; t++) {
        const before = part(Float32Array.from(logits), t - 1, greedy.length);
        assert.is(before.indexOf(Math.max(...before)), greedy[t], `token ${t}`);
      }
    });
  }

  test(`without rope_precision the table is bfloat16, ${name}`, () => {
    const row = part(ids, 0, batch);
    assertClose(
      mechanismLogits(meta.config, tensors, row),
      part(floats(golden, 'logits_bf16'), 0, batch),
      { atol: tolerance(golden, 'logits_bf16') / TWIN_MARGIN, what: 'logits' },
    );
  });

  const breaks = BREAKS.flatMap(([names, ofNames]) => (names.test(name) ? ofNames : []));
  test(`${breaks.join(', ')} broken: off by over ${VISIBLE} tolerances, ${name}`, () => {
    const row = part(ids, 0, batch);
    const expected = part(floats(golden, 'logits_bf16'), 0, batch);
    for (const broken of breaks) {
      const logits = mechanismLogits(meta.config, tensors, row, { break: broken });
      const off = maxAbsDiff(logits, expected);
      assert.ok(off > VISIBLE * tolerance(golden, 'logits_bf16'), `${broken}: off by ${off}`);
    }
  });
}

test.run();
