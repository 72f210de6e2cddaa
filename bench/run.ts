import { parseArgs } from 'node:util';
import { describeEnvironment } from './environment.ts';
import { interleave, type Schedule } from './interleave.ts';
import { renderReport, renderSuite, type SuiteResult } from './report.ts';
import { writePart } from './results-file.ts';
import type { BenchModule, PreparedPart, SuitePart } from './suite.ts';
import { threadParts } from './threads/attention.bench.ts';
import { measureCeilings, renderCeilings } from './threads/ceilings.ts';
import { renderCosts } from './threads/costs.ts';
import { readThreadCounts } from './threads/thread-counts.ts';

/** In this order: the first case of a suite is what the others are compared with. */
const MODULES: readonly (() => Promise<BenchModule>)[] = [
  () => import('./kernels/decode.bench.ts'),
  () => import('./kernels/dense.bench.ts'),
  () => import('./kernels/prefill.bench.ts'),
  () => import('./kernels/product.bench.ts'),
  () => import('./kernels/quantized.bench.ts'),
  () => import('./peers.bench.ts'),
];

/** Many short rounds: a shared machine has quiet spells of seconds. */
const FULL: Schedule = { rounds: 15, seconds: 0.2 };
/** Shows that everything runs; too short to quote. */
const QUICK: Schedule = { rounds: 2, seconds: 0.05 };

const USAGE = `node --import tsx bench/run.ts [--only name] [--threads N,N] [--quick]
  --only name  suites whose name contains it
  --threads N,N  instead, decodes with each number of threads, and what threads cost
  --quick      two short rounds
Only a run without --only and --quick writes its part of bench/RESULTS.md.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    threads: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else await run(values.only, values.quick, readThreadCounts(values.threads));

async function run(
  only: string | undefined,
  isQuick: boolean,
  threads: readonly number[],
): Promise<void> {
  const modules = await Promise.all(MODULES.map((load) => load()));
  const isThreaded = threads.some((count) => count > 1);
  const parts = isThreaded ? threadParts(threads) : modules.flatMap((module) => module.parts);
  const suites = [...new Set(parts.map((part) => part.suite))];
  const chosen = suites.filter((suite) => suite.includes(only ?? ''));
  if (chosen.length === 0) {
    throw new RangeError(`"--only" expected part of ${suites.join(', ')}, got "${only}"`);
  }
  const environment = describeEnvironment();
  console.log(`${environment.cpu}, ${environment.engine}, commit ${environment.commit}\n`);
  const ceilings = renderCeilings(await measureCeilings(threads));
  console.log(`${ceilings}\n`);
  const results: SuiteResult[] = [];
  for (const suite of chosen) {
    const members = parts.filter((part) => part.suite === suite);
    const result = await runSuite(suite, members, isQuick ? QUICK : FULL);
    console.log(`${renderSuite(result)}\n`);
    results.push(result);
  }
  const costs = isThreaded ? [await renderCosts()] : [];
  for (const cost of costs) console.log(cost);
  if (only === undefined && !isQuick) {
    const folder = new URL('./', import.meta.url);
    const report = renderReport(environment, ceilings, results, costs);
    await writePart(folder, isThreaded ? 'bench -- --threads' : 'bench', report);
  }
}

/** Frees the cases of one suite before the next is prepared. */
async function runSuite(
  suite: string,
  parts: readonly SuitePart[],
  schedule: Schedule,
): Promise<SuiteResult> {
  const prepared: PreparedPart[] = [];
  try {
    for (const part of parts) prepared.push(await part.prepare());
    const cases = prepared.flatMap((part) => part.cases);
    const timings = await interleave(cases, schedule);
    const cachedTokens = parts.find((part) => part.cachedTokens !== undefined)?.cachedTokens;
    return {
      suite,
      ...(cachedTokens === undefined ? {} : { cachedTokens }),
      notes: parts.flatMap((part) => part.notes ?? []),
      rows: timings.map((timing, at) => {
        const { macs, ...bench } = cases[at]!;
        return 'peak' in bench && bench.peak !== undefined
          ? { macs, peak: bench.peak, timing }
          : { macs, timing };
      }),
    };
  } finally {
    for (const part of prepared) await part.dispose?.();
  }
}
