/*
 * `npm run bench:prefix`: time to the first token of an answer behind a long system prompt, with a
 * session of its own and with one of a PrefixCache, interleaved so that a slow spell hits both.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Session } from '../../src/index.ts';
import { describeEnvironment } from '../environment.ts';
import { formatSeconds, renderEnvironment, renderTable } from '../markdown.ts';
import { median } from '../median.ts';

const USAGE = `node --import tsx bench/prefix/run.ts [--model folder] [--rounds n]
  --model folder  default T6-small with random weights where bench:models has written it, else the
                  shipped model, whose context is 1024 tokens
  --rounds n      answers of each kind, default 7`;

const LIBRARY = new URL('../../dist/index.js', import.meta.url);
const SHIPPED = fileURLToPath(new URL('../../models/t6-stories.gguf', import.meta.url));
const T6_SMALL = join(tmpdir(), 'tpa-bench-models', 't6-small');
const SYSTEM_TOKENS = 1000;
/** What one reader adds; the first of them differs from all others. */
const QUESTION_TOKENS = 16;
const PREFIX_BYTES = 256e6;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: existsSync(T6_SMALL) ? T6_SMALL : SHIPPED },
    rounds: { type: 'string', default: '7' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else await run(values.model, Number(values.rounds));

async function run(path: string, rounds: number): Promise<void> {
  const { loadModel, PrefixCache } = (await import(
    LIBRARY.href
  )) as typeof import('../../src/index.ts');
  const model = await loadModel(path, { dtype: 'q8', backend: 'wasm', threads: 1 });
  const { vocabSize } = model.config;
  const ids = (count: number, seed: number): number[] =>
    Array.from({ length: count }, (_, at) => ((at + 1) * 7919 + seed * 104_729) % vocabSize);
  const system = ids(SYSTEM_TOKENS, 1);
  using prefixes = new PrefixCache(model, { bytes: PREFIX_BYTES });
  const cold: number[] = [];
  const warm: number[] = [];

  for (let round = -1; round < rounds; round++) {
    const prompt = [...system, ...ids(QUESTION_TOKENS, 10 + round)];
    const alone = await answer(async () => model.createSession(), prompt);
    const shared = await answer(() => prefixes.session(prompt), []);
    if (round < 0) continue; // engines optimise, and the prefix is computed
    cold.push(alone);
    warm.push(shared);
  }
  const { hits, misses, reusedTokens, bytes } = prefixes.stats;
  console.log(renderEnvironment(describeEnvironment()).join('\n'));
  console.log(`- Model: ${path}, q8, one thread`);
  console.log(`- ${SYSTEM_TOKENS} + ${QUESTION_TOKENS} tokens; ${hits} hits, ${misses} miss,`);
  console.log(`  ${reusedTokens} tokens reused, ${(bytes / 1e6).toFixed(1)} MB of entries\n`);
  const ratio = median(cold.map((seconds, round) => seconds / warm[round]!));
  const heading = ['first token', 'best', 'median'];
  console.log(renderTable([heading, row('cold', cold), row('warm', warm)]).join('\n'));
  console.log(`\nwarm is ${ratio.toFixed(1)} times as fast in the median round`);
  model.dispose();
}

/** Seconds to the first token. */
async function answer(open: () => Promise<Session>, prompt: readonly number[]): Promise<number> {
  const started = performance.now();
  using session = await open();
  await session.generate(prompt, { maxTokens: 1, temperature: 0 }).text();
  return (performance.now() - started) / 1000;
}

function row(name: string, times: readonly number[]): string[] {
  return [name, formatSeconds(Math.min(...times)), formatSeconds(median(times))];
}
