import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { describeEnvironment } from '../environment.ts';
import { writePart } from '../results-file.ts';
import { measureCeilings, renderCeilings } from '../threads/ceilings.ts';
import { readThreadCounts } from '../threads/thread-counts.ts';
import { chartPath, renderChart } from './chart.ts';
import { measure, type Plan } from './measure.ts';
import { listPeers } from './peers.ts';
import { renderSection } from './section.ts';
import { type Subject, subjectsOf, titleOf } from './subjects.ts';

const USAGE = `node --import tsx bench/models/run.ts [--only TEXT] [--contexts N,N] [--threads N,N] [--fill SECONDS] [--quick] [--out DIR]
  --only TEXT       subjects whose name has one of the texts in it, separated by commas
  --contexts N,N    tokens of context, ascending (default 512,4096,16384)
  --threads N[,N]   threads of every subject, in turns (default 1)
  --rounds N        rounds at each context (default 5)
  --fill SECONDS    contexts that take longer to fill are left out (default 300)
  --quick           128 tokens, two rounds; writes nothing without --out
  --out DIR         where RESULTS.md and charts/ go (default bench/)
Peers are installed by npm run runtimes node-llama-cpp wllama.`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    contexts: { type: 'string', default: '512,4096,16384' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    fill: { type: 'string', default: '300' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else await run();

async function run(): Promise<void> {
  const { only, quick: isQuick, out } = values;
  const texts = only.split(',');
  const threads = readThreadCounts(values.threads);
  const isAsked = (subject: Subject) => texts.some((text) => titleOf(subject).includes(text));
  const plan: Plan = {
    subjects: subjectsOf(threads).filter(isAsked),
    threads,
    contexts: isQuick ? [128] : values.contexts.split(',').map(Number),
    rounds: isQuick ? 2 : Number(values.rounds),
    decoded: isQuick ? 4 : 16,
    fillSeconds: Number(values.fill),
  };
  const environment = describeEnvironment();
  const line = (text: string) => console.log(text);
  line(`${environment.cpu}, ${environment.engine}, commit ${environment.commit}\n`);
  const ceilings = await measureCeilings(threads);
  line(`${renderCeilings(ceilings)}\n`);
  const folder =
    out === undefined ? new URL('../', import.meta.url) : pathToFileURL(`${resolve(out)}/`);
  await measure(join(tmpdir(), 'tpa-bench-models'), plan, line, async (results) => {
    const section = renderSection(environment, listPeers(), ceilings, plan, results);
    line(`\n${section}`);
    if (isQuick && out === undefined) return;
    await mkdir(new URL('charts/', folder), { recursive: true });
    await writeFile(new URL(chartPath(threads), folder), renderChart(results));
    const isThreaded = threads.some((count) => count > 1);
    await writePart(folder, isThreaded ? 'bench:models -- --threads' : 'bench:models', section);
  });
}
