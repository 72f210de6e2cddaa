import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ggufFile, type GgufTensor } from './checkpoints/gguf-file.ts';
import { torchFile } from './checkpoints/torch-file.ts';
import { describeEnvironment } from './environment.ts';
import { randomValues } from './random.ts';

/** Runs of each case; the best counts, on a shared machine. */
const RUNS = 3;
/** The bound on memory: 1.2 times the largest tensor and this. */
const SPARE_BYTES = 64 * 2 ** 20;
const MIN_MEGABYTES_PER_SECOND = 200;
const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
/**
 * The kernel's own figure of a process's peak, in KiB (Linux). Not `resourceUsage().maxRSS`, which
 * starts at the size of the parent, 500 MB here.
 */
const REPORT_PEAK =
  "data:text/javascript,import{readFileSync as r}from'node:fs';process.on('exit',()=>" +
  "process.stderr.write('peak '+/VmHWM:\\s+(\\d+)/.exec(r('/proc/self/status','utf8'))[1]))";

/** A T6 small: 124 million parameters. */
const T6 = { layers: 12, dim: 768, heads: 34, headDim: 64, rank: 2, rankQ: 6, vocabSize: 50_304 };
/** A LLaMA of about 500 MB in float16. */
const LLAMA = { layers: 12, dim: 1024, hiddenDim: 4096, heads: 16, vocabSize: 49_152 };

interface Source {
  readonly name: string;
  readonly pieces: Iterable<Uint8Array>;
  /** As it is written. */
  readonly largestTensorBytes: number;
}

const folder = mkdtempSync(join(tmpdir(), 'tpa-convert-'));
try {
  const { cpu, engine, commit } = describeEnvironment();
  console.log(`${cpu}, ${engine}, ${commit}; best of ${RUNS}`);
  const baseline = run(['--version']).peakBytes;
  for (const build of [
    torchSource,
    () => ggufSource('F16', 2),
    () => ggufSource('Q8_0', 34 / 32),
    () => ggufSource('Q4_0', 18 / 32),
  ]) {
    measure(build(), baseline);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function measure({ name, pieces, largestTensorBytes }: Source, baseline: number): void {
  const source = join(folder, name);
  const out = join(folder, 'out');
  const handle = openSync(source, 'w');
  for (const piece of pieces) writeFileSync(handle, piece);
  closeSync(handle);
  const read = statSync(source).size;
  if (name.endsWith('.bin')) {
    const { layers, dim, heads, headDim, rank, rankQ, vocabSize } = T6;
    const sizes = { n_layer: layers, n_embd: dim, n_head: heads, head_dim: headDim, rank };
    const config = { ...sizes, q_rank: rankQ, vocab_size: vocabSize };
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  }
  let peak = Infinity;
  let seconds = Infinity;
  let written = 0;
  for (let i = 0; i < RUNS; i++) {
    const { peakBytes, seconds: taken } = run(['convert', source, '--out', out]);
    written = statSync(join(out, 'model.safetensors')).size;
    rmSync(out, { recursive: true });
    peak = Math.min(peak, peakBytes - baseline);
    seconds = Math.min(seconds, taken);
  }
  rmSync(source);
  const bound = 1.2 * largestTensorBytes + SPARE_BYTES;
  // Of what is written: a quantised source is a quarter of it or less.
  const speed = written / 1e6 / seconds;
  const isMet = peak <= bound && speed >= MIN_MEGABYTES_PER_SECOND;
  console.log(
    `${name}: ${mega(read)} read, ${mega(written)} written in ${seconds.toFixed(2)} s: ` +
      `${speed.toFixed(0)} MB/s written, ${(read / 1e6 / seconds).toFixed(0)} MB/s read; ` +
      `peak ${mega(peak)} above the start, bound ${mega(bound)}: ${isMet ? 'met' : 'MISSED'}`,
  );
}

/** One process of the built command line; its time is its own figure, without the start. */
function run(args: readonly string[]): { peakBytes: number; seconds: number } {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', REPORT_PEAK, CLI, ...args],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`expected exit code 0, got ${status}: ${stderr}`);
  const kibibytes = Number(/peak (\d+)$/.exec(stderr)?.[1]);
  const seconds = Number(/ in ([\d.]+) s, /.exec(stdout)?.[1] ?? 0);
  return { peakBytes: kibibytes * 1024, seconds };
}

function torchSource(): Source {
  const { layers, dim, heads, headDim, rank, rankQ, vocabSize } = T6;
  const shapes = new Map<string, [number, number]>([['transformer.wte.weight', [vocabSize, dim]]]);
  const hiddenDim = Math.floor((8 * dim) / 3);
  for (let i = 0; i < layers; i++) {
    const layer = `transformer.h.${i}`;
    for (const [part, ranks] of [
      ['q', rankQ],
      ['k', rank],
      ['v', rank],
    ] as const) {
      shapes.set(`${layer}.attn.c_qkv.W_A_${part}.weight`, [heads * ranks, dim]);
      shapes.set(`${layer}.attn.c_qkv.W_B_${part}.weight`, [headDim * ranks, dim]);
    }
    shapes.set(`${layer}.attn.c_proj.weight`, [dim, heads * headDim]);
    shapes.set(`${layer}.mlp.c_fc1.weight`, [hiddenDim, dim]);
    shapes.set(`${layer}.mlp.c_fc2.weight`, [hiddenDim, dim]);
    shapes.set(`${layer}.mlp.c_proj.weight`, [dim, hiddenDim]);
  }
  const tensors = Array.from(shapes, ([name, shape], i) => {
    const [rows, columns] = shape;
    return { name, shape, values: randomValues(rows * columns, i + 1) };
  });
  const largestTensorBytes = 4 * vocabSize * dim;
  return { name: 'pytorch_model.bin', pieces: torchFile(tensors), largestTensorBytes };
}

function ggufSource(type: 'F16' | 'Q8_0' | 'Q4_0', elementBytes: number): Source {
  const { layers, dim, hiddenDim, heads, vocabSize } = LLAMA;
  const shapes: [string, number[]][] = [
    ['token_embd.weight', [vocabSize, dim]],
    ['output_norm.weight', [dim]],
  ];
  for (let i = 0; i < layers; i++) {
    for (const part of ['q', 'k', 'v', 'output']) {
      shapes.push([`blk.${i}.attn_${part}.weight`, [dim, dim]]);
    }
    shapes.push([`blk.${i}.attn_norm.weight`, [dim]], [`blk.${i}.ffn_norm.weight`, [dim]]);
    shapes.push([`blk.${i}.ffn_gate.weight`, [hiddenDim, dim]]);
    shapes.push([`blk.${i}.ffn_up.weight`, [hiddenDim, dim]]);
    shapes.push([`blk.${i}.ffn_down.weight`, [dim, hiddenDim]]);
  }
  const tensors = shapes.map(([name, shape]): GgufTensor => {
    const [rows = 1, columns] = shape;
    if (columns === undefined) return { name, type: 'F32', shape, bytes: new Uint8Array(4 * rows) };
    // What weights are worth changes nothing. With this bit clear no half is a NaN or an infinity,
    // be it a weight or the scale of a block.
    const { buffer } = randomValues(Math.ceil((rows * columns * elementBytes) / 4), rows);
    const words = new Uint32Array(buffer);
    for (let i = 0; i < words.length; i++) words[i]! &= ~0x4000_4000;
    return { name, type, shape, bytes: new Uint8Array(buffer, 0, rows * columns * elementBytes) };
  });
  const metadata = {
    'general.architecture': 'llama',
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'llama.block_count': layers,
    'llama.context_length': 2048,
    'llama.embedding_length': dim,
    'llama.feed_forward_length': hiddenDim,
    'llama.attention.head_count': heads,
  };
  const largestTensorBytes = (type === 'F16' ? 2 : 4) * vocabSize * dim;
  return { name: `${type}.gguf`, pieces: ggufFile(metadata, tensors), largestTensorBytes };
}

function mega(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
