import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyConsumer } from './consumer.ts';
import { writeZeroModel } from './zero-model.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Starting and answering; the slowest took 2 s beside other tests. */
const PATIENCE_MS = 120_000;

/** A copy of an example with the packed tarball installed. */
export interface Example {
  /**
   * Has it load a T6 of zeros with this config.json in place of the model in the package.
   *
   * @returns bytes of the weights' file
   */
  useZeros(config: object): number;
  /** Replaces a piece of a file's text, which must be there. */
  edit(file: string, piece: string, by: string): void;
  /** `npm start`, with these programs first on the path. */
  start(programs: readonly string[], args?: readonly string[], env?: NodeJS.ProcessEnv): Running;
}

/** An example that runs. */
export interface Running {
  readonly child: ChildProcess;
  /** So far. */
  readonly printed: { stdout: string; stderr: string };
  /** To the whole group, as a terminal does. */
  signal(name: NodeJS.Signals): void;
  /** Waits until it has ended and all that it printed is here. @throws after 30 seconds */
  ended(): Promise<void>;
}

/** Works with an example; what it started ends with it. */
export async function withExample(
  name: string,
  work: (example: Example) => Promise<void>,
): Promise<void> {
  const { folder, remove } = copyConsumer();
  const started: Running[] = [];
  try {
    cpSync(`${ROOT}examples/${name}`, folder, { recursive: true });
    await work({
      useZeros(config) {
        for (const file of readdirSync(`${ROOT}examples/${name}`, { recursive: true })) {
          if (!/\.js(on)?$/.test(String(file))) continue;
          const text = readFileSync(`${folder}/${String(file)}`, 'utf8');
          const changed = text
            .replace('models/t6-stories.gguf', 'models/zeros')
            .replace('model/t6-stories.gguf', 'model/');
          writeFileSync(`${folder}/${String(file)}`, changed);
        }
        const zeros = `${folder}/node_modules/tpa-wasm/models/zeros`;
        mkdirSync(zeros);
        return writeZeroModel(zeros, config);
      },
      edit(file, piece, by) {
        const text = readFileSync(`${folder}/${file}`, 'utf8');
        if (!text.includes(piece)) throw new Error(`${name}/${file} has no ${piece}`);
        writeFileSync(`${folder}/${file}`, text.replace(piece, by));
      },
      start(programs, args = [], env = {}) {
        const running = start(folder, programs, args, env);
        started.push(running);
        return running;
      },
    });
  } finally {
    for (const running of started) running.signal('SIGKILL');
    await Promise.all(started.map((running) => running.ended()));
    remove();
  }
}

function start(
  cwd: string,
  programs: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Running {
  const path = [...programs.map((program) => dirname(program)), process.env['PATH']].join(':');
  const child = spawn('npm', ['start', '--silent', ...(args.length > 0 ? ['--', ...args] : [])], {
    cwd,
    env: { ...process.env, ...env, PATH: path, npm_config_update_notifier: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own
  });
  const printed = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (printed.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (printed.stderr += String(chunk)));
  let isClosed = false;
  child.once('close', () => (isClosed = true));
  return {
    child,
    printed,
    signal(name) {
      try {
        process.kill(-child.pid!, name);
      } catch {
        // all of the group have ended
      }
    },
    async ended() {
      if (!isClosed) await once(child, 'close', { signal: AbortSignal.timeout(PATIENCE_MS) });
    },
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits for what `isSo` says. @throws after two minutes, with what the example printed */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  { child, printed }: Running,
): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end || child.exitCode !== null) {
      throw new Error(`the example printed: ${printed.stdout}${printed.stderr}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
