import type { Report, Setting } from '../conformance/suite.ts';
import { findRuntime, type Missing } from '../find.ts';
import type { RuntimeName } from '../pins.ts';
import type { Host, Outcome, Reported, Variant } from './host.ts';
import { runProcess } from './process.ts';
import { titleOf } from './setting.ts';
import { runWorkerd } from './workerd.ts';

/** Where the suite runs in a process. */
const SETTINGS: readonly Setting[] = [
  { threads: 1 },
  { threads: 2 },
  { threads: 4 },
  { threads: 2, worker: true },
];
/** An edge worker gets its kernels compiled, and has no workers. */
const ALONE = { threads: 1, worker: false } as const;
const EDGE = [
  {
    setting: {},
    expected: { ...ALONE, threadsReason: /one core|too small/, workerReason: /no page waits/ },
  },
  {
    setting: { threads: 4, worker: true },
    expected: {
      ...ALONE,
      threadsReason: /compiled already/,
      workerReason: /this runtime has none/,
    },
  },
] as const;

/** A host but for how it is started. */
interface Program extends Omit<Host, 'title' | 'variants'> {
  /** Where else than in a process it runs. */
  readonly places?: typeof EDGE;
  run(program: string, setting: Setting): Promise<Reported>;
}

/** The suite as a program: Node at hand, a newer one, Deno that may do nothing, Bun, workerd. */
export function programHosts(folder: string): (Host | Missing)[] {
  return [
    nodeAtHand(folder),
    installed('node', {
      kernels: 'files beside the code',
      notes: '',
      run: (program, setting) => runSuite(program, [], folder, setting),
    }),
    installed('deno', {
      kernels: 'embedded in the code',
      notes: 'without any permission; `--allow-read` for a model in a folder',
      run: (program, setting) => runSuite(program, ['run', '--no-prompt'], folder, setting),
    }),
    installed('bun', {
      kernels: 'embedded in the code',
      notes: '',
      run: (program, setting) => runSuite(program, ['run'], folder, setting),
    }),
    installed('workerd', {
      kernels: 'static imports of `.wasm`',
      notes: 'the runtime of Cloudflare Workers; no bytes are compiled',
      places: EDGE,
      run: (program, setting) => runWorkerd(program, folder, setting),
    }),
  ];
}

/** The oldest Node that is supported, where the tests run in it. */
function nodeAtHand(folder: string): Host | Missing {
  const { node } = process.versions;
  if (!node.startsWith('20.')) return { missing: `Node 20: the Node at hand is ${node}` };
  return {
    title: 'Node 20',
    kernels: 'files beside the code',
    notes: 'relaxed SIMD only behind its flag',
    variants: inProcess((setting) => runSuite(process.execPath, [], folder, setting)),
  };
}

/** A host of what is installed. */
function installed(name: RuntimeName, how: Program): Host | Missing {
  const { run: start, places, kernels, notes } = how;
  const found = findRuntime(name);
  if ('missing' in found) return found;
  const { title, version, program } = found;
  const variants =
    places?.map(({ setting, expected }) => ({
      title: titleOf(setting),
      expected,
      run: () => outcomeOf(start(program, setting)),
    })) ?? inProcess((setting) => start(program, setting));
  return { title: `${title} ${version}`, kernels, notes, variants };
}

/** In each of {@link SETTINGS}, all of which can be had. */
function inProcess(start: (setting: Setting) => Promise<Reported>): Variant[] {
  return SETTINGS.map((setting) => ({
    title: titleOf(setting),
    expected: { threads: setting.threads!, worker: setting.worker ?? false },
    run: () => outcomeOf(start(setting)),
  }));
}

async function outcomeOf(reported: Promise<Reported>): Promise<Outcome> {
  const { report, complaints } = await reported;
  return { report: report as Report, complaints };
}

/** The suite in a process. */
function runSuite(
  program: string,
  args: readonly string[],
  folder: string,
  setting: Setting,
): Promise<Reported> {
  return runProcess(program, [...args, 'process.js', JSON.stringify(setting)], folder);
}
