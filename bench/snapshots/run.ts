/**
 * `npm run bench:snapshots`: saving and restoring 4,096 tokens of a T6 small beside a copy of as many
 * bytes into a fresh array, which is what both do at least, and beside the prefill of a short prompt.
 * Prints a table; about a minute.
 */
import { CpuBackend } from '../../src/backend/cpu.ts';
import { crc32c } from '../../src/base/crc32c.ts';
import { Context } from '../../src/generate/context.ts';
import { Session } from '../../src/generate/session.ts';
import { CACHE_DTYPES } from '../../src/layout/cache-dtype.ts';
import { LocalHost } from '../../src/load/local-host.ts';
import { Model } from '../../src/load/model.ts';
import { describeEnvironment } from '../environment.ts';
import { SMALL_SIZES, tpaForm } from '../gpu/forms.ts';
import { createRandomModel } from '../gpu/random-model.ts';
import { formatSeconds, renderEnvironment, renderTable } from '../markdown.ts';
import { median } from '../median.ts';
import { randomValues } from '../random.ts';
import { T6_SMALL } from '../shapes.ts';

const TOKENS = 4096;
const PROMPT = 64;
const ROUNDS = 11;

const sizes = { ...SMALL_SIZES, contextLength: TOKENS + PROMPT };
const { compute, config, weights } = await createRandomModel(tpaForm(T6_SMALL, sizes));
const backend = new CpuBackend(compute, config, weights);
const model = new Model(new LocalHost(backend, config), config);
const ids = Array.from({ length: TOKENS }, (_, i) => (i * 7919) % config.vocabSize);
const whole = await filled();

const lines = [['', 'MB', 'best', 'median', 'time ÷ copy']];
for (const dtype of CACHE_DTYPES) {
  const session = await model.restore(await whole.snapshot({ dtype }));
  const bytes = await session.snapshot();
  const cases = {
    copy: () => new Uint8Array(bytes),
    save: () => session.snapshot(),
    'save, streamed': () => drain(session.snapshotStream()),
    restore: async () => (await model.restore(bytes)).dispose(),
    [`prefill of ${PROMPT}`]: prefill,
  };
  const times = await measure(cases);
  const copy = median(times['copy']!);
  for (const [name, samples] of Object.entries(times)) {
    const isOfBytes = !name.startsWith('prefill');
    lines.push([
      `${dtype}: ${name}`,
      isOfBytes ? (bytes.length / 1e6).toFixed(1) : '',
      formatSeconds(Math.min(...samples)),
      formatSeconds(median(samples)),
      (median(samples) / copy).toFixed(2),
    ]);
  }
  session.dispose();
}
const { simd } = compute.engine.simd;
console.log(
  [...renderEnvironment(describeEnvironment()), `- SIMD: ${simd}, one thread`].join('\n'),
);
console.log(['', ...renderTable(lines)].join('\n'));
model.dispose();

/** A session whose cache is random numbers: what they are changes no time. */
async function filled(): Promise<Session> {
  const incoming = backend.receive([TOKENS], 'f32');
  const perToken = T6_SMALL.rankK * 2 * (T6_SMALL.heads + T6_SMALL.headDim);
  for (let layer = 0; layer < config.layers; layer++) {
    for (let first = 0; first < TOKENS; first += 96) {
      const count = Math.min(96, TOKENS - first);
      const piece = new Uint8Array(
        randomValues(count * perToken, layer * TOKENS + first + 1).buffer,
      );
      await incoming.write(piece, crc32c(piece));
    }
  }
  const context = new Context(backend, await incoming.end(), ids);
  return new Session(
    { backend, tokenizer: undefined, eosTokenIds: [], sessions: new Set() },
    context,
  );
}

async function prefill(): Promise<void> {
  using session = model.createSession();
  await session.prefill(ids.slice(0, PROMPT));
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}

/** Seconds of each case in each round: in a round all run one after the other. */
async function measure(cases: Readonly<Record<string, () => unknown>>) {
  const times: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const began = performance.now();
      await run();
      (times[name] ??= []).push((performance.now() - began) / 1000);
    }
  }
  return times;
}
