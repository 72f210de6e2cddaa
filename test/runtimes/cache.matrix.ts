import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileServer, serveFiles } from '../helpers/servers/file-server.ts';
import { copyConsumer } from './consumer.ts';
import { findRuntime, type Missing } from './find.ts';
import { goldenAssets } from './golden-assets.ts';

const run = promisify(execFile);
/** Starting, 2.7 MB and 8 tokens take a second. */
const DEADLINE = 300_000;

const { prompt, greedy } = goldenAssets().shipped;
const tokens = greedy.slice(0, 8);
const PROGRAM = `
import { loadModel } from 'tpa-wasm';
const model = await loadModel(process.argv[2], { backend: 'wasm', simd: 'baseline' });
const generation = model.createSession().generate([${prompt}], { temperature: 0, maxTokens: 8 });
await generation.text();
console.log(JSON.stringify({ tokens: generation.tokens, cache: model.info().cache }));
`;

const { folder, remove } = copyConsumer();
const cache = mkdtempSync(join(tmpdir(), 'tpa-cache-'));
writeFileSync(`${folder}/load.js`, PROGRAM);
const FILE = 't6-stories.gguf';
const bytes = readFileSync(`${folder}/node_modules/tpa-wasm/models/${FILE}`);
const files = new Map([[FILE, new Uint8Array(bytes)]]);

const test = suite('downloads with the packed tarball');
test.after(() => {
  remove();
  rmSync(cache, { recursive: true, force: true });
});

const deno = findRuntime('deno');
const net = ['run', '--allow-net=127.0.0.1'];
const own = ['--allow-env=TPA_CACHE', `--allow-read=${cache}`, `--allow-write=${cache}`];
const atHand = { title: 'Node', version: process.versions.node, program: process.execPath };
for (const [found, args, more] of [
  [atHand, [], ''],
  [findRuntime('node'), [], ''],
  [findRuntime('bun'), [], ''],
  [deno, [...net, ...own], ', allowed that folder'],
] as const) {
  check(found, `keeps a model in TPA_CACHE, and loads it without a server${more}`, async (load) => {
    const kept = { kind: 'folder', reason: `files are kept in ${cache}` };
    const address = await served(async ({ base, sent }) => {
      assert.equal(await load(base + FILE, args), { tokens, cache: kept });
      assert.is(sent.get(FILE), bytes.byteLength);
      return base + FILE;
    });
    assert.equal(await load(address, args), { tokens, cache: kept });
  });
}
check(deno, 'loads where it may only use the network, and keeps nothing', (load) =>
  served(async ({ base }) => {
    // whatever would prompt in a terminal throws here
    const reason = 'no environment variable that may be read names a folder: set TPA_CACHE';
    assert.equal(await load(base + FILE, net), { tokens, cache: { kind: 'none', reason } });
  }),
);
test.run();

/** Serves the model while `use` runs. */
async function served<T>(use: (server: FileServer) => Promise<T>): Promise<T> {
  await using server = await serveFiles(files);
  return await use(server);
}

/** Runs the program in a runtime with an address. @returns what it printed */
type Load = (address: string, args: readonly string[]) => Promise<unknown>;

/** Registers a test of a runtime, which is skipped by name where that is missing. */
function check(
  found: { title: string; version: string; program: string } | Missing,
  claim: string,
  body: (load: Load) => Promise<void>,
): void {
  if ('missing' in found) {
    process.stdout.write(`skipped, ${found.missing}\n`);
    test.skip(`${claim} (${found.missing})`);
    return;
  }
  test(`${found.title} ${found.version} ${claim}`, () =>
    body(async (address, args) => {
      const { stdout, stderr } = await run(found.program, [...args, 'load.js', address], {
        cwd: folder,
        timeout: DEADLINE,
        killSignal: 'SIGKILL',
        env: { ...process.env, TPA_CACHE: cache },
      });
      assert.is(stderr, '');
      return JSON.parse(stdout) as unknown;
    }));
}
