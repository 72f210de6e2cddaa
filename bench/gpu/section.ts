import type { Environment } from '../environment.ts';
import { formatSeconds, renderEnvironment, renderTable } from '../markdown.ts';
import { median } from '../median.ts';
import { type ContextResult, type GpuResult, NAMES } from './result.ts';
import { pairedRatio, worstOutlier } from './statistics.ts';

const HEAD = [
  '## CPU and GPU: T6-small, and GQA of equal parameters',
  '',
  'One decode step and a prefill of T6-small (12 layers, float32, random weights) on the wasm kernels and',
  'through onnxruntime-web’s WebGPU provider, and on the same provider a model of equal parameters whose',
  'attention is onnxruntime’s own GroupQueryAttention (22 heads on 2 K/V heads), appending in place.',
  '`bench/gpu/README.md` says how this is run elsewhere and how to read it. A software adapter is a CPU',
  'that plays a GPU: its figures show that everything runs, not what a GPU does.',
].join('\n');

/** A key under which the figures of an adapter in a runtime are kept. */
export interface AdapterKey {
  readonly adapter: string;
  /** Without a version, e.g. "Deno". */
  readonly runtime: string;
}

/**
 * The part of the results file with the figures of one adapter replaced or added; those of others
 * stay as they are, and all are in the order of their keys.
 *
 * @param part what the file has now
 */
export function replaceAdapter(
  part: string | undefined,
  key: AdapterKey,
  markdown: string,
): string {
  const heading = headingOf(key);
  const [, ...others] = `\n${part ?? ''}`.split(/\n(?=### )/);
  const kept = others.map((text) => text.trim()).filter((text) => !text.startsWith(`${heading}\n`));
  const all = [...kept, `${heading}\n\n${markdown.trim()}`].toSorted((a, b) =>
    (a.split('\n')[0] ?? '') < (b.split('\n')[0] ?? '') ? -1 : 1,
  );
  return [HEAD, ...all].join('\n\n');
}

/** What a run found, under the heading of its adapter. */
export function renderAdapter(environment: Environment, result: GpuResult): string {
  const { version, isSoftware, simd, parameters, errors } = result;
  return [
    ...renderEnvironment(environment),
    `- Adapter: ${result.adapter}${isSoftware ? ', software' : ''}; onnxruntime-web ${version}`,
    `- Parameters: TPA ${millions(parameters.tpa)}, GQA ${millions(parameters.gqa)}; kernels of the CPU: ${simd}, one thread`,
    `- Logits of the GPU against those of the CPU, relative error: TPA ${errors.tpa.toExponential(1)}, GQA ${errors.gqa.toExponential(1)}`,
    '',
    ...renderSteps(result),
    '',
    ...renderFindings(result),
  ].join('\n');
}

function millions(count: number): string {
  return `${(count / 1e6).toFixed(1)} M`;
}

function renderSteps({ contexts, prefill }: GpuResult): string[] {
  const header = [
    'what',
    NAMES.cpu,
    NAMES.tpa,
    NAMES.gqa,
    'CPU ÷ GPU, TPA',
    'GQA ÷ TPA, GPU',
    'rounds',
    'error of TPA',
  ];
  return renderTable([
    header,
    ...(prefill === undefined ? [] : [prefillRow(prefill)]),
    ...contexts.map(contextRow),
  ]);
}

function prefillRow({ tokens, rounds }: NonNullable<GpuResult['prefill']>): string[] {
  const rate = (seconds: readonly number[]) => `${formatRate(tokens / median(seconds))} tokens/s`;
  return [
    `prefill of ${tokens.toLocaleString('en-US')} tokens`,
    rate(rounds.cpu),
    rate(rounds.tpa),
    rate(rounds.gqa),
    ...ratios(rounds),
    '',
  ];
}

/** Three digits, or all before the point. */
function formatRate(rate: number): string {
  return rate < 100 ? rate.toPrecision(3) : Math.round(rate).toLocaleString('en-US');
}

function contextRow({ tokens, rounds, error }: ContextResult): string[] {
  return [
    `step after ${tokens.toLocaleString('en-US')} tokens`,
    formatSeconds(median(rounds.cpu)),
    formatSeconds(median(rounds.tpa)),
    formatSeconds(median(rounds.gqa)),
    ...ratios(rounds),
    error.toExponential(1),
  ];
}

function ratios({ cpu, tpa, gqa }: ContextResult['rounds']): string[] {
  return [
    pairedRatio(cpu, tpa).toPrecision(3),
    pairedRatio(gqa, tpa).toPrecision(3),
    `${cpu.length}`,
  ];
}

function renderFindings(result: GpuResult): string[] {
  const { bytesRead, failover, room, smoothness, skipped } = result;
  const findings: string[] = [];
  if (bytesRead.tpa > 0) {
    findings.push(
      `Read back a step: TPA ${bytesRead.tpa.toLocaleString('en-US')} bytes (logits and the new factors, which the CPU keeps), GQA ${bytesRead.gqa.toLocaleString('en-US')} (logits).`,
    );
  }
  if (room !== undefined) {
    findings.push(
      `GQA's step after ${room.tokens.toLocaleString('en-US')} tokens in a cache with room for ${room.capacity.toLocaleString('en-US')} takes ${room.ratio.toFixed(2)} times as long as in one that is full: ${room.ratio < 1.5 ? 'it appends in place' : 'it copies'}.`,
    );
  }
  if (smoothness !== undefined) findings.push(describeSmoothness(smoothness));
  if (failover !== undefined) {
    findings.push(
      `From the loss of the device after ${failover.tokens.toLocaleString('en-US')} tokens, a step in flight, to the logits of that token from the CPU: ${formatSeconds(failover.seconds)}.`,
    );
  }
  return [...findings, ...skipped.map((text) => `Left out: ${text}.`)].map((text) => `- ${text}`);
}

function describeSmoothness({ tokens, seconds, repeats }: NonNullable<GpuResult['smoothness']>) {
  const worst = worstOutlier(seconds);
  const every = (tokens[1] ?? 0) - (tokens[0] ?? 0);
  const range = `${tokens[0]!.toLocaleString('en-US')} to ${tokens.at(-1)!.toLocaleString('en-US')}`;
  const at = tokens[worst?.index ?? 0]!.toLocaleString('en-US');
  return `Steps of TPA on the GPU after ${range} tokens, every ${every}, the best of ${repeats}: the one that stands out most takes ${worst?.ratio.toFixed(2)} times the median of its four neighbours, after ${at} tokens.`;
}

function headingOf({ adapter, runtime }: AdapterKey): string {
  return `### ${adapter}, ${runtime}`;
}
