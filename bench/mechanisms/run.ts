import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { describeEnvironment } from '../environment.ts';
import { writePart } from '../results-file.ts';
import { measureCeilings } from '../threads/ceilings.ts';
import { readThreadCounts, threadsTitle } from '../threads/thread-counts.ts';
import { renderChart } from './chart.ts';
import { measure, type Plan } from './measure.ts';
import { CONTEXTS, DIMS } from './mechanisms.ts';
import { chartPath, renderContext, renderSection } from './section.ts';

/** About 4 minutes, 90 s of them at dim 3,072. */
const FULL: Plan = { dims: DIMS, contexts: CONTEXTS, schedule: { rounds: 9, seconds: 0.1 } };
/** Shows that everything runs; too short to quote. */
const QUICK: Plan = {
  dims: DIMS.slice(0, 1),
  contexts: CONTEXTS.slice(0, 2),
  schedule: { rounds: 2, seconds: 0.02 },
};

const USAGE = `node --import tsx bench/mechanisms/run.ts [--threads N,N] [--quick] [--out DIR]
  --threads N,N  threads of every mechanism, one number after the other (default 1)
  --quick    the smallest shape, two contexts, two short rounds; writes nothing without --out
  --out DIR  where RESULTS.md and charts/ go (default bench/)`;

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else await run(values.quick, values.out, readThreadCounts(values.threads));

async function run(
  isQuick: boolean,
  out: string | undefined,
  counts: readonly number[],
): Promise<void> {
  const environment = describeEnvironment();
  console.log(`${environment.cpu}, ${environment.engine}, commit ${environment.commit}\n`);
  const ceilings = await measureCeilings(counts);
  const folder =
    out === undefined ? new URL('../', import.meta.url) : pathToFileURL(`${resolve(out)}/`);
  for (const threads of counts) {
    const plan = { ...(isQuick ? QUICK : FULL), threads };
    const { simd, results } = await measure(plan, (dim, context) => {
      console.log(`dim ${dim}, ${threadsTitle(threads)}\n${renderContext(context)}\n`);
    });
    if (isQuick && out === undefined) continue;
    await mkdir(new URL('charts/', folder), { recursive: true });
    for (const result of results) {
      await writeFile(new URL(chartPath(result, threads), folder), renderChart(result));
    }
    const script = threads === 1 ? 'bench:mechanisms' : 'bench:mechanisms -- --threads';
    const section = renderSection(environment, simd, ceilings, threads, results);
    await writePart(folder, script, section);
  }
}
