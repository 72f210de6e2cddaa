/*
 * `npm run docs:models`: how fast published models run and how much memory they take, into
 * docs/models.md. Nothing of them is downloaded: their sizes with random weights cost as much.
 */
import { rmSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEnvironment } from '../environment.ts';
import { renderTable } from '../markdown.ts';
import { median } from '../median.ts';
import { densePath } from './model-files.ts';
import { PUBLIC_MODELS, type PublicModel } from './public-models.ts';
import { RemoteContender } from './remote.ts';

const LIBRARY = new URL('../../dist/index.js', import.meta.url);
const PAGE = new URL('../../docs/models.md', import.meta.url);
const [BEGIN, END] = ['<!-- npm run docs:models -->', '<!-- end of npm run docs:models -->'];

/** The context that memory is told for. */
const CONTEXT = 2048;
const PROMPT = 128;
const DECODED = 16;
const ROUNDS = 5;
/** What an edge worker of 128 MB can give the model; JavaScript takes the rest. */
const WORKER_BYTES = 96e6;
/** A context that is of use. */
const USEFUL = 512;

const { estimateModel } = (await import(LIBRARY.href)) as typeof import('../../src/index.ts');
const folder = join(tmpdir(), 'tpa-bench-catalogue');
const rows: string[][] = [];
for (const model of PUBLIC_MODELS) {
  for (const type of ['Q8_0', 'Q4_0'] as const) {
    rows.push(await measure(model, type));
    console.log(rows.at(-1)!.join(' | '));
  }
}
const { cpu, engine, commit, date } = describeEnvironment();
const section = [
  BEGIN,
  '',
  `Measured with random weights of these sizes on one thread of ${cpu}, ${engine}, commit ${commit},`,
  `${date}: the first token after ${PROMPT} tokens, and the median rate of ${ROUNDS} times ${DECODED} tokens after them.`,
  `Memory is what the weights, the work and a cache of ${CONTEXT.toLocaleString('en-US')} tokens take; the longest context`,
  `of a worker is the one that fits ${WORKER_BYTES / 1e6} MB, which leave JavaScript 32 of 128 MB.`,
  '',
  ...renderTable([
    [
      'model',
      'file',
      'file MB',
      'load',
      'first token',
      'tokens/s',
      'memory MB',
      'cache KB a token',
      'context in a worker',
    ],
    ...rows,
  ]),
  '',
  END,
].join('\n');
const page = await readFile(PAGE, 'utf8');
const [before, rest = ''] = page.split(BEGIN);
await writeFile(PAGE, `${before}${section}${rest.split(END)[1] ?? '\n'}`);

async function measure(model: PublicModel, type: 'Q8_0' | 'Q4_0'): Promise<string[]> {
  const path = densePath(folder, model, type);
  const subject = { runtime: 'tpa-wasm', dtype: 'auto', threads: 1 } as const;
  const opening = { subject, path, modules: '', contextLength: CONTEXT };
  const contender = new RemoteContender(opening);
  try {
    const load = await contender.open();
    await contender.prefill(PROMPT); // engines optimise on the first call
    const first = await contender.prefill(PROMPT);
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) rates.push(1 / (await contender.decode(DECODED)));
    const inPage = await estimateModel(path, { contextLength: CONTEXT });
    const inWorker = await estimateModel(path, { memoryLimit: WORKER_BYTES });
    const { longestContext } = inWorker;
    return [
      model.name,
      type,
      (statSync(path).size / 1e6).toFixed(0),
      `${load.toFixed(1)} s`,
      `${first.toFixed(1)} s`,
      median(rates).toFixed(1),
      (inPage.totalBytes / 1e6).toFixed(0),
      (inPage.cacheBytesPerToken / 1e3).toFixed(0),
      longestContext < USEFUL ? 'none' : longestContext.toLocaleString('en-US'),
    ];
  } finally {
    await contender.dispose();
    rmSync(path);
  }
}
