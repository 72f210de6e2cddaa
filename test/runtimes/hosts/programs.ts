import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Report } from '../conformance/suite.ts';
import { findRuntime, type Missing } from '../find.ts';
import type { RuntimeName } from '../pins.ts';
import type { Host, Outcome } from './host.ts';
import { runWorkerd } from './workerd.ts';

const run = promisify(execFile);
/** The suite takes a second. */
const DEADLINE = 300_000;

/** A host but for how it is started. */
interface Program extends Omit<Host, 'title' | 'variants'> {
  run(program: string): Promise<Outcome>;
}

/** The suite as a program: Node at hand, a newer one, Deno that may do nothing, Bun, workerd. */
export function programHosts(folder: string): (Host | Missing)[] {
  return [
    nodeAtHand(folder),
    installed('node', {
      kernels: 'files beside the code',
      notes: '',
      run: (program) => runProgram(program, [], folder),
    }),
    installed('deno', {
      kernels: 'embedded in the code',
      notes: 'without any permission; `--allow-read` for a model in a folder',
      run: (program) => runProgram(program, ['run', '--no-prompt'], folder),
    }),
    installed('bun', {
      kernels: 'embedded in the code',
      notes: '',
      run: (program) => runProgram(program, ['run'], folder),
    }),
    installed('workerd', {
      kernels: 'static imports of `.wasm`',
      notes: 'the runtime of Cloudflare Workers; no bytes are compiled',
      run: (program) => runWorkerd(program, folder),
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
    variants: [{ title: '', run: () => runProgram(process.execPath, [], folder) }],
  };
}

/** A host of what is installed. */
function installed(name: RuntimeName, { run: start, kernels, notes }: Program): Host | Missing {
  const found = findRuntime(name);
  if ('missing' in found) return found;
  const { title, version, program } = found;
  const variants = [{ title: '', run: () => start(program) }];
  return { title: `${title} ${version}`, kernels, notes, variants };
}

/** The report is the one line that the program prints. */
async function runProgram(
  program: string,
  args: readonly string[],
  folder: string,
): Promise<Outcome> {
  const { stdout, stderr } = await run(program, [...args, 'process.js'], {
    cwd: folder,
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
    // Vulkan's drivers, which Deno asks for a GPU, complain where there is none
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
  });
  const lines = stdout.trim().split('\n');
  const report = JSON.parse(lines.pop()!) as Report;
  return { report, complaints: [...lines, stderr.trim()].filter((line) => line !== '') };
}
