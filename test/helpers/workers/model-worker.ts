import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Transferable as NodeTransferable, Worker } from 'node:worker_threads';
import { build, type Plugin } from 'esbuild';
import type { StartWorker } from '../../../src/base/worker-port.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** What the package's imports are in Node. */
const IMPORTS: Readonly<Record<string, string>> = {
  '#wasm': 'dist/wasm/node.js',
  '#cache': 'dist/cache/folder.js',
  '#worker': 'dist/worker/process.js',
};

/** Imports of the package, which a bundle in another folder cannot name. */
const ownImports: Plugin = {
  name: 'own imports',
  setup({ onResolve }) {
    onResolve({ filter: /^#/ }, ({ path }) => ({
      path: pathToFileURL(join(ROOT, IMPORTS[path] ?? path)).href,
      external: true,
    }));
  },
};

const folder = mkdtempSync(join(tmpdir(), 'tpa-worker-'));
process.once('exit', () => rmSync(folder, { recursive: true }));

/** Bundled: a loader of TypeScript in each worker would take ten times as long to start. */
await build({
  absWorkingDir: ROOT,
  entryPoints: ['test/helpers/workers/model-entry.ts'],
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  plugins: [ownImports],
  logLevel: 'warning',
});

/** Workers that were started and have not ended. */
export const liveWorkers = new Set<Worker>();

/** Starts the worker of a model in a thread of Node's. */
export const startModelWorker: StartWorker = (_role, { onMessage, onDead }) => {
  const worker = new Worker(join(folder, 'model-entry.mjs'), { execArgv: [] });
  liveWorkers.add(worker);
  let isOver = false;
  const die = (reason: string): void => {
    if (!isOver) onDead(reason);
    isOver = true;
  };
  worker.on('message', (message: unknown) => {
    if (!isOver) onMessage(message);
  });
  worker.on('error', ({ message }) => die(`it failed: ${message}`));
  worker.on('exit', (code) => {
    liveWorkers.delete(worker);
    die(`it ended with ${code}`);
  });
  worker.unref();
  // a machine that is busy with other tests may take longer than a worker has
  setImmediate(() => onMessage({ kind: 'hello' }));
  return {
    post: (message, transfer = []) =>
      worker.postMessage(message, transfer as readonly NodeTransferable[]),
    keepAlive: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
    async terminate() {
      isOver = true;
      await worker.terminate();
    },
  };
};
