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
import { part, PRECISIONS } from '../helpers/models/t6-model.ts';
import { mechanismLogits } from './mechanisms.ts';

const BREAKS = ['rotation-sign', 'rope-precision'] as const;

const test = suite('mechanismLogits() against golden models');

for (const path of goldenFiles('model_')) {
  const golden = loadGolden(path);
  const { name, meta } = golden;
  const [batch] = golden.tensors.get('ids')!.shape as [number];
  const tensors = new Map(
    [...golden.tensors].map(([of, { shape, data }]) => [of, { shape, values: data }]),
  );

  test(`logits match to a tenth of the tolerance, ${name}`, () => {
    for (const [cos, precision] of Object.entries(PRECISIONS)) {
      // upstream has no key: without it the table is bfloat16
      const changes = cos === 'bf16' ? {} : { rope_precision: precision };
      for (let row = 0; row < batch; row++) {
        const ids = part(integers(golden, 'ids'), row, batch);
        assertClose(
          mechanismLogits({ ...meta.config, ...changes }, tensors, ids),
          part(floats(golden, `logits_${cos}`), row, batch),
          { atol: tolerance(golden, `logits_${cos}`) / TWIN_MARGIN, what: `${cos} row ${row}` },
        );
      }
    }
  });

  test(`broken conventions move logits by over ${VISIBLE} tolerances, ${name}`, () => {
    const isFactored = [...tensors.keys()].some((of) => of.includes('W_A_k'));
    const ids = part(integers(golden, 'ids'), 0, batch);
    const expected = part(floats(golden, 'logits_bf16'), 0, batch);
    for (const broken of [...BREAKS, ...(isFactored ? (['rank-major'] as const) : [])]) {
      const off = maxAbsDiff(
        mechanismLogits(meta.config, tensors, ids, { break: broken }),
        expected,
      );
      assert.ok(off > VISIBLE * tolerance(golden, 'logits_bf16'), `${broken}: off by ${off}`);
    }
  });
}

test.run();
