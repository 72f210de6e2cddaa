import { suite } from 'uvu';
import { createRuntime } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { decodeCases, foldScales } from '../helpers/kernels/golden-decode.ts';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { floats, goldenFiles, loadGolden, tolerance } from '../helpers/checks/golden.ts';

for (const simd of BINARIES) {
  const test = suite(`runtime.attend(), golden files, ${simd}`);
  const runtime = await createRuntime({ simd });

  for (const path of goldenFiles('op_')) {
    const golden = loadGolden(path);
    const atol = tolerance(golden, 'out_attn');
    const { query, cache: factors, sizes } = goldenOp(golden);
    const attended = sizes.heads * sizes.valueDim;

    test(`${golden.name}: prefill equals out_attn, max abs ${atol}`, () => {
      using cache = runtime.createFactorCache(sizes);
      cache.append(factors);
      const out = runtime.attend(query, cache);
      assertClose(out, floats(golden, 'out_attn'), { atol, what: golden.name });
    });

    test(`${golden.name}: step by step decode equals out_attn and decode_last`, () => {
      using cache = runtime.createFactorCache(sizes);
      const expected = floats(golden, 'out_attn');
      let out: Float32Array = new Float32Array(0);
      for (let t = 0; t < sizes.tokens; t++) {
        const row = (x: Float32Array) => {
          const width = x.length / sizes.tokens;
          return x.slice(t * width, (t + 1) * width);
        };
        cache.append({
          ak: row(factors.ak),
          bk: row(factors.bk),
          av: row(factors.av),
          bv: row(factors.bv),
        });
        out = runtime.attend({ aq: row(query.aq), bq: row(query.bq), rankQ: query.rankQ }, cache);
        const what = `${golden.name}, token ${t}`;
        assertClose(out, expected.subarray(t * attended, (t + 1) * attended), { atol, what });
      }
      assertClose(out, floats(golden, 'decode_last'), {
        atol: tolerance(golden, 'decode_last'),
        what: golden.name,
      });
    });
  }

  for (const path of goldenFiles('decode_')) {
    for (const decodeCase of decodeCases(loadGolden(path))) {
      test(`${decodeCase.title}, max abs ${decodeCase.atol}`, () => {
        const { query, cache: factors } = foldScales(decodeCase);
        using cache = runtime.createFactorCache(decodeCase.sizes);
        cache.append(factors);
        const out = runtime.attend(query, cache);
        assertClose(out, decodeCase.expected, { atol: decodeCase.atol, what: decodeCase.title });
      });
    }
  }

  test.run();
}
