import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** workerd refuses a date after its own release. */
const COMPATIBILITY_DATE = '2026-11-01';

/** A worker that runs. */
export interface RunningWorker {
  readonly address: string;
  readonly inspector: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/**
 * Runs worker.js with the library as it is built, on any free port.
 *
 * @param assets host and port of the server that its binding ASSETS asks
 */
export async function startWorker(
  program: string,
  folder: string,
  assets: string,
): Promise<RunningWorker> {
  await build({
    entryPoints: [fileURLToPath(new URL('./worker.js', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    // what a .wasm import is on Workers: a module of its own beside the script
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    outdir: folder,
    logLevel: 'error',
  });
  writeFileSync(`${folder}/config.capnp`, config(readdirSync(folder), assets));
  const args = ['serve', 'config.capnp', '--control-fd=3', '--inspector-addr=127.0.0.1:0'];
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 2, 2, 'pipe'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const ports = new Map<string, number>();
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const told = JSON.parse(line) as { event: string; socket?: string; port?: number };
    ports.set(told.socket ?? told.event, told.port!);
    if (ports.size === 2) break;
  }
  return {
    address: `http://127.0.0.1:${ports.get('http')}/`,
    inspector: `http://127.0.0.1:${ports.get('listen-inspector')}`,
    child,
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    },
  };
}

function config(files: readonly string[], assets: string): string {
  const wasm = files.filter((file) => file.endsWith('.wasm'));
  const modules = [
    '(name = "worker.js", esModule = embed "worker.js")',
    ...wasm.map((file) => `(name = "${file}", wasm = embed "${file}")`),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "assets", external = (address = "${assets}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  bindings = [(name = "ASSETS", service = "assets")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
);
`;
}
