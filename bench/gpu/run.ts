import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeEnvironment } from '../environment.ts';
import { readPart, writePart } from '../results-file.ts';
import { measure } from './measure.ts';
import { NoAdapterError } from './open.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { planOf } from './plan.ts';
import type { GpuResult } from './result.ts';
import { renderAdapter, replaceAdapter } from './section.ts';

/** What a run found, and in what. */
interface Run {
  readonly result: GpuResult;
  readonly runtime: string;
  readonly engine: string;
  readonly flags: readonly string[];
}

/** What of Deno's global is used. */
interface Deno {
  readonly args: readonly string[];
  readonly version: { readonly deno: string; readonly v8: string };
}

const ROOT = new URL('../../', import.meta.url);
/** Installed by `npm run runtimes`. */
const DENO = '.runtimes/deno/node_modules/@deno/linux-x64-glibc/deno';
const { Deno: deno } = globalThis as { Deno?: Deno };
const args = process.argv.slice(2);
const options = readOptions(args, fileURLToPath(new URL('bench', ROOT)));

if (options.wantsHelp) console.log(USAGE);
else if (deno === undefined && !options.isBrowser) process.exitCode = runInDeno();
else await run(options);

async function run(asked: Options): Promise<void> {
  try {
    const found = asked.isBrowser ? await measureInBrowser(asked) : await measureInDeno(asked);
    await report(found, asked.out);
  } catch (error) {
    if (!(error instanceof Error && error.name === NoAdapterError.name)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
  process.exit(); // workers of a closed device may linger
}

/** Node has no WebGPU of its own: the same script, in Deno. */
function runInDeno(): number {
  const script = fileURLToPath(new URL('bench/gpu/run.ts', ROOT));
  const program = process.env['TPA_DENO'] ?? fileURLToPath(new URL(DENO, ROOT));
  if (!existsSync(program)) {
    console.error(`no Deno at ${program} (npm run runtimes, or TPA_DENO)`);
    return 1;
  }
  const flags = ['run', '-A', '--no-remote', '--node-modules-dir=manual'];
  const { status, error } = spawnSync(program, [...flags, script, ...args], {
    cwd: fileURLToPath(ROOT),
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

async function measureInDeno(asked: Options): Promise<Run> {
  const places = {
    worker: new URL('src/backend/webgpu/worker/device-worker.ts', ROOT),
    appendWorker: new URL('bench/gpu/append-worker.ts', ROOT),
  };
  const result = await measure(planOf(asked), places, (line) => console.log(line));
  const { version } = deno!;
  return { result, runtime: 'Deno', engine: `Deno ${version.deno} (V8 ${version.v8})`, flags: [] };
}

async function measureInBrowser(asked: Options): Promise<Run> {
  const { runInChromium } = await import('./chromium.ts');
  return runInChromium(ROOT, asked, (line) => console.log(line));
}

async function report({ result, runtime, engine, flags }: Run, out?: string): Promise<void> {
  const markdown = renderAdapter({ ...describeEnvironment(), engine, flags }, result);
  console.log(`\n${markdown}`);
  if (out === undefined) return;
  const folder = pathToFileURL(`${resolve(out)}/`);
  await mkdir(folder, { recursive: true });
  const part = await readPart(folder, 'bench:gpu');
  const key = { adapter: result.adapter, runtime };
  await writePart(folder, 'bench:gpu', replaceAdapter(part, key, markdown));
}
