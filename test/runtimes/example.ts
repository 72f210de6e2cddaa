import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyConsumer } from './consumer.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Starting and answering; the slowest took 2 s beside other tests. */
const PATIENCE_MS = 30_000;

/** A copy of an example with the packed tarball installed. */
export interface Example {
  /** The model that it loads. */
  readonly model: string;
  /** Replaces a piece of a file's text, which must be there. */
  edit(file: string, piece: string, by: string): void;
  /** `npm start`, with these programs first on the path. */
  start(programs: readonly string[], args?: readonly string[], env?: NodeJS.ProcessEnv): Running;
  remove(): void;
}

/** An example that runs. */
export interface Running {
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** To the whole group, as a terminal does. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when every process of the group is gone. */
  stop(): Promise<void>;
}

export function copyExample(name: string): Example {
  const { folder, remove } = copyConsumer();
  cpSync(`${ROOT}examples/${name}`, folder, { recursive: true });
  return {
    model: `${folder}/node_modules/tpa-wasm/models/t6-fairytales`,
    edit(file, piece, by) {
      const text = readFileSync(`${folder}/${file}`, 'utf8');
      if (!text.includes(piece)) throw new Error(`${name}/${file} has no ${piece}`);
      writeFileSync(`${folder}/${file}`, text.replace(piece, by));
    },
    start: (programs, args = [], env = {}) => start(folder, programs, args, env),
    remove,
  };
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
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => (output += String(chunk)));
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // all of the group have ended
    }
  };
  return {
    child,
    output: () => output,
    signal,
    stop: () => {
      signal('SIGKILL');
      return closed;
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

/** Waits for what `isSo` says. @throws after 30 seconds, with what the example printed */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  running: Running,
): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end || running.child.exitCode !== null) {
      throw new Error(`the example printed: ${running.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
