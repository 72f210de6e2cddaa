import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { renderTable } from '../markdown.ts';
import { Isolate, type Usage } from './isolate.ts';
import { writeRandomModel } from './model-file.ts';
import { peakResident } from '../process-status.ts';
import { startWorker } from './workerd.ts';

const USAGE = `node --experimental-websocket --import tsx bench/edge/run.ts [--only name]
  --only name  models whose name contains it
What an isolate of workerd holds that loads a model from shards of 24 MB, prefills and generates.`;

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const WORKERD = fileURLToPath(
  new URL(
    '../../.runtimes/workerd/node_modules/@cloudflare/workerd-linux-64/bin/workerd',
    import.meta.url,
  ),
);
/** Of the 128 MB of an isolate; the rest is left to JavaScript. */
const MEMORY_LIMIT = 96e6;
const ANSWERS = 18;
const ANSWER_TOKENS = 24;

const HEADING = ['step', 'wasm', 'heap', 'of that used', 'buffers', 'isolate', 'process'];

interface EdgeModel {
  readonly name: string;
  readonly config: object;
  readonly cacheDtype: 'f32' | 'q8';
  /** Context that is filled. */
  readonly context: number;
  /** Of them generated. */
  readonly generated: number;
}

const T6 = { model_type: 't6', vocab_size: 50_304, head_dim: 64, rank: 2, q_rank: 6 };

const SMALL = { ...T6, n_layer: 12, n_head: 34, n_embd: 768 };

const MODELS: readonly EdgeModel[] = [
  {
    name: 'T6-small, 124 M',
    config: { ...SMALL, block_size: 2048 },
    cacheDtype: 'f32',
    context: 576,
    generated: 64,
  },
  {
    name: 'T6-small, 124 M, cache of q8',
    config: { ...SMALL, block_size: 8192 },
    cacheDtype: 'q8',
    context: 2400,
    generated: 64,
  },
  {
    name: 'T6 of 6 layers, dim 416, 32 M',
    config: { ...T6, n_layer: 6, n_head: 16, n_embd: 416, block_size: 8192 },
    cacheDtype: 'f32',
    context: 8192,
    generated: 64,
  },
  {
    name: 'T6 of 8 layers, dim 576, 61 M, cache of q8',
    config: { ...T6, n_layer: 8, n_head: 22, n_embd: 576, block_size: 16_384 },
    cacheDtype: 'q8',
    context: 8192,
    generated: 64,
  },
];

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, help: { type: 'boolean', default: false } },
});

if (values.help) console.log(USAGE);
else for (const model of MODELS.filter(({ name }) => name.includes(values.only))) await run(model);

async function run({ name, config, cacheDtype, context, generated }: EdgeModel): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tpa-edge-'));
  for (const part of ['assets', 'worker']) mkdirSync(join(folder, part));
  const assets = await serve(join(folder, 'assets'));
  try {
    const shards = await writeShards(folder, config);
    const worker = await startWorker(WORKERD, join(folder, 'worker'), assets.host);
    const isolate = await Isolate.connect(worker.inspector);
    const rows: (readonly string[])[] = [HEADING];
    const step = async (title: string, work: object): Promise<void> => {
      const body = JSON.stringify(work);
      const { result, readings } = await isolate.during(
        fetch(worker.address, { method: 'POST', body }).then((response) => response.json()),
      );
      const { error, size } = result as { error?: string; size: number };
      if (error !== undefined) throw new Error(`${title}: ${error}`);
      rows.push(rowOf(title, size, readings, peakResident(worker.child.pid!)!));
    };
    try {
      const file = basename(shards[0]!);
      const limits = { memoryLimit: MEMORY_LIMIT, contextLength: context, cacheDtype };
      await step('load', { step: 'load', file, ...limits });
      const prompt = context - generated - 1;
      await step(`prefill ${prompt}`, { step: 'prefill', tokens: prompt });
      await step(`generate ${generated}`, { step: 'generate', tokens: generated });
      for (let seed = 1; seed <= ANSWERS; seed++) {
        await step(`answer ${seed}`, { step: 'answer', tokens: ANSWER_TOKENS, seed });
      }
    } finally {
      isolate.close();
      await worker.stop();
      const bytes = shards.reduce((sum, path) => sum + statSync(path).size, 0);
      console.log(`\n${name}, ${megabytes(bytes)} MB in ${shards.length} files, MB at the most:\n`);
      console.log(renderTable(rows).join('\n'));
    }
  } finally {
    assets.server.close();
    rmSync(folder, { recursive: true });
  }
}

function rowOf(
  title: string,
  wasm: number,
  readings: readonly Usage[],
  process: number,
): readonly string[] {
  const peak = (value: (usage: Usage) => number): number => Math.max(...readings.map(value));
  return [
    title,
    wasm,
    peak(({ taken }) => taken),
    peak(({ used }) => used),
    peak(({ buffers }) => buffers),
    wasm + peak(({ taken, buffers }) => taken + buffers),
    process,
  ].map((cell) => (typeof cell === 'number' ? megabytes(cell) : cell));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** The model as an edge host takes it: 4-bit weights in files of at most 24 MB. */
async function writeShards(folder: string, config: object): Promise<readonly string[]> {
  const source = join(folder, 'source');
  await writeRandomModel(source, config);
  const out = join(folder, 'assets', 'model.gguf');
  const options = ['--out', out, '--dtype', 'q4_0', '--shard-size', '24MB'];
  execFileSync(process.execPath, [CLI, 'convert', source, ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(source, { recursive: true });
  const files = readdirSync(join(folder, 'assets')).toSorted();
  return files.map((file) => join(folder, 'assets', file));
}

async function serve(folder: string): Promise<{ server: Server; host: string }> {
  const server = createServer((request, response) => {
    const path = join(folder, basename(request.url ?? ''));
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    response.writeHead(size === undefined ? 404 : 200, { 'content-length': size ?? 0 });
    if (size === undefined || request.method === 'HEAD') response.end();
    else createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}
