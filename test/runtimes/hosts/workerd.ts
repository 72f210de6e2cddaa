import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import type { Setting } from '../conformance/suite.ts';
import { collectWasm } from './collect-wasm.ts';
import type { Reported } from './host.ts';
import { queryOf } from './setting.ts';
import { tellEvaluated } from './tell-evaluated.ts';

/** workerd refuses a date after its own release. */
const COMPATIBILITY_DATE = '2026-11-01';
const DEADLINE = 300_000;

/** Runs worker.js in a request to workerd, bundled as Cloudflare's own tool does it. */
export async function runWorkerd(
  program: string,
  folder: string,
  setting: Setting,
): Promise<Reported> {
  const out = `${folder}/workerd`;
  const parts = tellEvaluated(
    setting.worker ? /\/open-threads-/ : /\/(open-threads|load-in-worker)-/,
  );
  const { warnings } = await build({
    absWorkingDir: folder,
    entryPoints: ['worker.js'],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    plugins: [collectWasm(out), parts],
    outdir: out,
    logLevel: 'silent',
  });
  writeFileSync(`${out}/config.capnp`, config(readdirSync(out)));
  const complaints = warnings.map(({ text }) => text);
  const child = spawn(program, ['serve', 'config.capnp', '--control-fd=3'], {
    cwd: out,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, stdout, stderr, control] = child.stdio as unknown as Readable[];
  for (const stream of [stdout!, stderr!]) {
    stream.on('data', (chunk) => complaints.push(String(chunk).trim()));
  }
  const exited = new Promise((resolve) => child.on('close', resolve));
  try {
    const signal = AbortSignal.timeout(DEADLINE);
    const port = await listening(createInterface({ input: control!, signal }), complaints);
    const response = await fetch(`http://127.0.0.1:${port}/${queryOf(setting)}`, { signal });
    if (!response.ok) throw new Error(`workerd answered ${response.status}: ${complaints.join()}`);
    return { report: (await response.json()) as unknown, complaints };
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

/** The port of the one socket, which workerd tells once it listens. */
async function listening(
  lines: AsyncIterable<string>,
  complaints: readonly string[],
): Promise<number> {
  for await (const line of lines) {
    const { event, port } = JSON.parse(line) as { event: string; port?: number };
    if (event === 'listen' && port !== undefined) return port;
  }
  throw new Error(`workerd did not start: ${complaints.join()}`);
}

/** The worker and its wasm modules, on any free port. */
function config(files: readonly string[]): string {
  const wasm = files.filter((file) => file.endsWith('.wasm'));
  const modules = [
    '(name = "worker.js", esModule = embed "worker.js")',
    ...wasm.map((file) => `(name = "${file}", wasm = embed "${file}")`),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "${COMPATIBILITY_DATE}",
);
`;
}
