import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Example, freePort, type Running, until, withExample } from './example.ts';
import { findRuntime } from './find.ts';
import { EXAMPLE_RUNTIMES } from './pins.ts';
import { REQUEST, textOfNode } from './node-text.ts';
import { abandon, answers, ask, post } from './sse-client.ts';
import { SLOW } from './zero-model.ts';

const ESBUILD = fileURLToPath(new URL('../../node_modules/.bin/esbuild', import.meta.url));
const ENTRY_CALL = "backend: 'wasm'";

interface Server {
  readonly name: string;
  readonly entry: string;
  readonly path?: string;
  listenOn(port: number): { args?: string[]; env?: NodeJS.ProcessEnv };
}

const SERVERS: readonly Server[] = [
  {
    name: 'cloudflare-worker',
    entry: 'worker.js',
    listenOn: (port) => ({
      args: ['--socket-addr', `http=127.0.0.1:${port}`],
      env: { WORKERD_ESBUILD: ESBUILD },
    }),
  },
  {
    name: 'deno-deploy',
    entry: 'main.js',
    listenOn: (port) => ({ env: { DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` } }),
  },
  {
    name: 'bun',
    entry: 'server.js',
    listenOn: (port) => ({ env: { PORT: String(port) } }),
  },
  {
    name: 'vercel-node',
    entry: 'api/generate.js',
    path: 'api/generate',
    listenOn: (port) => ({ env: { PORT: String(port) } }),
  },
];

for (const server of SERVERS) {
  const test = suite(`examples/${server.name}`);
  const runtime = EXAMPLE_RUNTIMES[server.name];
  const found = runtime && findRuntime(runtime);
  const missing = found && 'missing' in found ? found.missing : undefined;
  if (missing !== undefined) process.stdout.write(`skipped, ${missing}\n`);
  const programs = found && 'program' in found ? [found.program] : [];
  /** Runs `work` with the address of the example, started after `prepare`. */
  const check = (title: string, prepare: (example: Example) => void, work: Work): void => {
    (missing === undefined ? test : test.skip)(title, () =>
      withServer(server, programs, prepare, work),
    );
  };

  check(
    'streams text, refuses what it cannot take, gives the same again',
    () => {},
    async (address) => {
      assert.match(await (await fetch(address)).text(), /^POST \{"prompt"/);
      const { events, chunks } = await ask(address, REQUEST);
      assert.equal(events.at(-1), { finishReason: 'length' });
      assert.ok(events.length > 20, `${events.length} events`);
      assert.ok(chunks > 1, 'streamed in pieces');
      assert.ok(events.slice(0, -1).every(({ text }) => text !== undefined && text !== ''));
      for (const [status, body] of [
        [400, '{"prompt":'],
        [400, '{"prompt":""}'],
        [400, '{"prompt":"x","maxTokens":"many"}'],
        [413, JSON.stringify({ prompt: 'a b '.repeat(1000) })],
        [413, 'x'.repeat(20_000)],
      ] as const) {
        const response = await post(address, body);
        assert.is(response.status, status, body.slice(0, 40));
        assert.type(((await response.json()) as { error?: string }).error, 'string');
      }
      assert.equal((await ask(address, REQUEST)).events, events);
    },
  );

  check(
    'gives the text that Node gives on the baseline kernels',
    ({ edit }) => edit(server.entry, ENTRY_CALL, `${ENTRY_CALL}, simd: 'baseline'`),
    async (address) => {
      const { events } = await ask(address, REQUEST);
      assert.is(events.map(({ text = '' }) => text).join(''), await textOfNode(REQUEST));
    },
  );

  check(
    'is free at once when readers leave, while it loads or in the middle',
    ({ useZeros }) => assert.ok(useZeros(SLOW) < 25 * 2 ** 20),
    async (address) => {
      const long = { prompt: 'Once upon a time', maxTokens: 256, seed: 7 };
      await abandon(address, long, 30); // the model is not there yet
      const whole = performance.now();
      assert.is((await ask(address, long)).events.at(-1)?.finishReason, 'length');
      const wholeMs = performance.now() - whole;
      for (let reader = 0; reader < 20; reader++) await abandon(address, long);
      const start = performance.now();
      await ask(address, { ...long, maxTokens: 1 });
      const waitedMs = performance.now() - start;
      // each of the twenty has still nearly the whole to compute, were it not ended
      assert.ok(waitedMs < 10 * wholeMs, `waited ${waitedMs} ms, a whole answer takes ${wholeMs}`);
    },
  );

  if (runtime === 'workerd') {
    check(
      'serves a model just under the limit',
      ({ useZeros }) => assert.ok(useZeros({ ...SLOW, n_embd: 416 }) > 25 * 2 ** 20),
      async (address) => {
        const { events } = await ask(address, { ...REQUEST, maxTokens: 2 });
        assert.equal(events.at(-1), { finishReason: 'length' });
      },
    );

    check(
      'serves one whose floats are over it, in 8 bits',
      ({ useZeros }) => {
        const bytes = useZeros({ ...SLOW, n_embd: 896 });
        assert.ok(bytes > 48e6 && bytes < 150e6, `${bytes} bytes of float16`);
      },
      async (address) => {
        const { events } = await ask(address, { ...REQUEST, maxTokens: 2 });
        assert.equal(events.at(-1), { finishReason: 'length' });
      },
    );

    check(
      'holds the shipped model in 128 MB, workerd itself included',
      () => {},
      async (address, { child }) => {
        for (let answer = 0; answer < 4; answer++)
          await ask(address, { ...REQUEST, maxTokens: 256 });
        assert.ok(peakBytes(child.pid!) < 128e6, `${peakBytes(child.pid!)} bytes at the most`);
      },
    );

    check(
      'refuses a model beyond 128 MB before it reads the weights',
      ({ useZeros }) => assert.ok(useZeros({ ...SLOW, n_embd: 1792 }) > 250e6),
      async (address, { child }) => {
        const response = await post(address, JSON.stringify(REQUEST));
        assert.is(response.status, 500);
        assert.is(((await response.json()) as { code: string }).code, 'RESOURCE_LIMIT');
        assert.ok(peakBytes(child.pid!) < 250e6, `${peakBytes(child.pid!)} bytes at the most`);
      },
    );
  }
  test.run();
}

type Work = (address: string, running: Running) => Promise<void>;

async function withServer(
  { name, path = '', listenOn }: Server,
  programs: readonly string[],
  prepare: (example: Example) => void,
  work: Work,
): Promise<void> {
  await withExample(name, async (example) => {
    prepare(example);
    const port = await freePort();
    const { args, env } = listenOn(port);
    const running = example.start(programs, args, env);
    const address = `http://127.0.0.1:${port}/${path}`;
    await until(() => answers(address), running);
    await work(address, running);
  });
}

/** Most memory that a process of the group has held, as Linux counts it. */
function peakBytes(group: number): number {
  const kilobytes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && groupOf(name) === group)
    .map((name) => /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
  return Math.max(...kilobytes.map(Number)) * 1024;
}

/** The group of a process, undefined if it has ended. */
function groupOf(id: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
    // after the name, which may hold anything: state, parent, group
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  } catch {
    return undefined;
  }
}
