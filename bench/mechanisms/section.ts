import type { Environment } from '../environment.ts';
import { type Ceiling, renderCeilings } from '../threads/ceilings.ts';
import { threadsTitle } from '../threads/thread-counts.ts';
import { formatSeconds, renderEnvironment, renderTable } from '../markdown.ts';
import { chartSentence } from './chart.ts';
import { findings, ratioToTpa } from './findings.ts';
import { cacheBytes, LATENT, MECHANISMS, type Mechanism } from './mechanisms.ts';
import {
  isMeasured,
  type ContextResult,
  type DimResult,
  type Measured,
  type Skipped,
} from './result.ts';

const TIMING_HEADER = [
  'cached tokens',
  'mechanism',
  'cache MB',
  'best',
  'median',
  'ns/token best',
  'GMAC/s best',
  'best of peak',
  'cache GB/s best',
  'time ÷ TPA',
];

/** Where the chart of a width lies beside the results file. */
export function chartPath({ dim }: Pick<DimResult, 'dim'>, threads: number): string {
  return `charts/mechanisms-${dim}${threads === 1 ? '' : `-threads-${threads}`}.svg`;
}

/** What `npm run bench:mechanisms` finds. */
export function renderSection(
  environment: Environment,
  simd: string,
  ceilings: readonly Ceiling[],
  threads: number,
  results: readonly DimResult[],
): string {
  const { latentDim, ropeDim, headDim, valueDim } = LATENT;
  return [
    '## Attention mechanisms: one decode step of one layer',
    '',
    ...renderEnvironment(environment),
    `- Kernels: ${simd}, float32, ${threadsTitle(threads)}`,
    renderCeilings(ceilings),
    '',
    'The CPU counterpart of Figures 5, 7 and 8 of the paper: one query against every cached token, with',
    `equal heads of ${headDim}; TPA has ranks (16, 1, 1), MLA d_c ${latentDim} and d_rope ${ropeDim}. Projections of the hidden state,`,
    'RoPE, the output projection and the feed-forward layer are left out for all. MLA attends to the latent',
    'itself, and the products with W_UK before and W_UV after are timed with it, for attention alone would',
    `not be a step: h (${headDim} · ${latentDim} + ${latentDim} · ${valueDim}) multiply-adds whatever the context.`,
    'Equal heads are neither equal parameters nor equal quality; nothing here says which model is better.',
    '',
    'In a round all mechanisms of a context run one after the other. `best` and `median` are over all',
    'samples, `time ÷ TPA` is the median over rounds of best over best, `best of peak` is against the',
    'FMA probe of the same rounds. A cache that fits the caches of the processor stays there from call',
    'to call, where the layers of a model would evict one another: small contexts look better than they',
    'are, for all mechanisms. A MAC is one multiply-add of the formula.',
    ...results.flatMap((result) => ['', ...renderDim(result, threads)]),
  ].join('\n');
}

/** The timings of one context as a table. */
export function renderContext(context: ContextResult): string {
  return renderTable([TIMING_HEADER, ...timingRows(context)]).join('\n');
}

function renderDim(result: DimResult, threads: number): string[] {
  const { dim, heads, contexts } = result;
  const width = dim.toLocaleString('en-US');
  return [
    `### dim ${width}, ${heads} heads`,
    '',
    `![${chartSentence(result)}: one layer, dim ${width}](${chartPath(result, threads)})`,
    '',
    ...findings(result).map((finding) => `- ${finding}`),
    '',
    ...renderTable([
      ['mechanism', 'cached numbers', 'a token', 'bytes a token', 'bytes ÷ TPA', 'MACs a token'],
      ...MECHANISMS.map((mechanism) => costRow(mechanism, heads)),
    ]),
    '',
    ...renderTable([TIMING_HEADER, ...contexts.flatMap(timingRows)]),
  ];
}

function costRow(mechanism: Mechanism, heads: number): string[] {
  const bytes = cacheBytes(mechanism, heads, 1);
  const base = cacheBytes(
    MECHANISMS.find(({ name }) => name === 'TPA')!,
    heads,
    1,
  );
  return [
    mechanism.name,
    mechanism.formula,
    (bytes / 4).toLocaleString('en-US'),
    bytes.toLocaleString('en-US'),
    (bytes / base).toFixed(2),
    mechanism.macsPerToken(heads).toLocaleString('en-US'),
  ];
}

function timingRows(context: ContextResult): string[][] {
  return context.points.map((point) => [
    context.tokens.toLocaleString('en-US'),
    point.mechanism.name,
    (point.cacheBytes / 1e6).toFixed(2),
    ...(isMeasured(point) ? timingCells(point, context) : skippedCells(point)),
  ]);
}

function timingCells(
  { mechanism, timing, macs, cacheBytes: bytes }: Measured,
  context: ContextResult,
) {
  const { tokens, peakRate } = context;
  const ratio = ratioToTpa(context, mechanism.name);
  return [
    formatSeconds(timing.best),
    formatSeconds(timing.median),
    ((timing.best / tokens) * 1e9).toFixed(1),
    (macs / timing.best / 1e9).toFixed(2),
    (macs / timing.best / peakRate).toFixed(3),
    (bytes / timing.best / 1e9).toFixed(2),
    ratio === undefined ? '' : ratio.toFixed(2),
  ];
}

function skippedCells({ reason }: Skipped): string[] {
  return [`left out: ${reason}`, '', '', '', '', '', ''];
}
