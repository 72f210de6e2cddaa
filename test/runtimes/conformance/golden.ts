import * as assert from 'uvu/assert';
import { assertClose } from '../../helpers/checks/close.ts';
import type { ModelSource } from '../../../src/index.ts';
import type { OperationCase } from './assets.ts';
import { type Checks, sha256, type Subject } from './check.ts';

/** The binaries to hold to upstream's numbers: the one that is the same everywhere, and the default. */
type Simd = 'baseline' | 'auto';

/** Upstream's own outputs. */
export const goldenChecks: Checks = {
  'attention of golden factors at once and step by step, baseline': (subject) =>
    attendAll(subject, 'baseline'),
  'attention of golden factors at once and step by step, auto': (subject) =>
    attendAll(subject, 'auto'),
  'logits of golden models, baseline': (subject) => logitsOfAll(subject, 'baseline'),
  'logits of golden models, auto': (subject) => logitsOfAll(subject, 'auto'),
  'logits of a GGUF file, whole, as a Blob and in parts': loadGguf,
  'greedy text of the shipped model, auto': async ({ tpa, assets }) => {
    const { source, prompt, greedy } = assets.shipped;
    using model = await tpa.loadModel(source);
    const options = { temperature: 0, maxTokens: greedy.length };
    const generation = model.createSession().generate(prompt, options);
    await generation.text();
    assert.equal(generation.tokens, greedy);
  },
};

/** A GGUF file in every form that bytes have gives the same logits. */
async function loadGguf({ tpa, assets, record }: Subject): Promise<void> {
  const { whole, parts, ids } = assets.gguf;
  const logitsOf = async (source: ModelSource) => {
    using model = await tpa.loadModel(source, { simd: 'baseline' });
    assert.is(model.info().stored.format, 'gguf');
    return [...(await model.logits(ids))];
  };
  const logits = await logitsOf(whole);
  assert.ok(logits.every(Number.isFinite));
  const copy = whole.slice();
  const sources = [copy.buffer, { gguf: new Blob([copy]) }, { gguf: parts.toReversed() }];
  for (const source of sources) assert.equal(await logitsOf(source), logits);
  record('sha256 of a GGUF file', await sha256(Float32Array.from(logits)));
}

async function attendAll({ tpa, assets }: Subject, simd: Simd): Promise<void> {
  const runtime = await tpa.createRuntime({ simd });
  for (const { name: what, spec, tokens, factors, expected, atol } of assets.operations) {
    using whole = runtime.createFactorCache(spec);
    whole.append(factors);
    assertClose(runtime.attend(factors, whole), expected, { atol, what });

    using stepwise = runtime.createFactorCache(spec);
    const width = expected.length / tokens;
    for (let t = 0; t < tokens; t++) {
      const row = tokenOf(factors, t, tokens);
      stepwise.append(row);
      const found = runtime.attend(row, stepwise);
      assertClose(found, expected.subarray(t * width, (t + 1) * width), { atol, what });
    }
  }
}

/** The factors of token t alone. */
function tokenOf(factors: OperationCase['factors'], t: number, tokens: number) {
  const row = (x: Float32Array) => {
    const width = x.length / tokens;
    return x.slice(t * width, (t + 1) * width);
  };
  const { aq, bq, rankQ, ak, bk, av, bv } = factors;
  const query = { aq: row(aq), bq: row(bq), rankQ };
  return { ...query, ak: row(ak), bk: row(bk), av: row(av), bv: row(bv) };
}

async function logitsOfAll({ tpa, assets }: Subject, simd: Simd): Promise<void> {
  for (const { name: what, source, ids, logits, atol } of assets.models) {
    using model = await tpa.loadModel(source, { simd });
    assertClose(await model.logits(ids), logits, { atol, what });
  }
}
