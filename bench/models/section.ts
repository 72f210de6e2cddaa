import type { Environment } from '../environment.ts';
import { renderEnvironment, renderTable } from '../markdown.ts';
import { median } from '../median.ts';
import { type Ceiling, renderCeilings } from '../threads/ceilings.ts';
import { threadsTitle } from '../threads/thread-counts.ts';
import type { Peer } from './peers.ts';
import { chartPath, chartSentence } from './chart.ts';
import type { Plan, Point, SubjectResult } from './measure.ts';
import { DENSE_MODELS, SIZES, type Subject, titleOf } from './subjects.ts';

/** What `npm run bench:models` finds. */
export function renderSection(
  environment: Environment,
  peers: readonly Peer[],
  ceilings: readonly Ceiling[],
  { contexts, rounds, decoded, threads }: Omit<Plan, 'subjects' | 'fillSeconds'>,
  results: readonly SubjectResult[],
): string {
  const { layers, dim, hiddenDim, vocabSize } = SIZES;
  const heads = Object.entries(DENSE_MODELS).map(
    ([name, model]) => `${name} (${model.heads} heads on ${model.kvHeads})`,
  );
  const [first] = contexts;
  return [
    '## Whole models: prefill and decode',
    '',
    ...renderEnvironment(environment),
    `- Peers: ${peers.map(({ name, version }) => `${name} ${version}`).join(', ')}`,
    renderCeilings(ceilings),
    '',
    `T6-small and LLaMA-shaped models of as many parameters, ${heads.join(' and ')}: ${layers} layers, dim ${dim},`,
    `hidden dim ${hiddenDim}, vocabulary ${vocabSize.toLocaleString('en-US')}, tied head, random weights, ${threads.map(threadsTitle).join(' and ')} each. Every`,
    'subject has a process of its own and only one computes at a time, in turns; rates are tokens a second,',
    `the median of ${rounds} rounds, of ${decoded} generated tokens in each. Prefill is measured ${rounds} times at the`,
    'shortest context and once on the way to each longer one. llama.cpp and wllama keep their cache in',
    'float16 and draw a token by its greatest logit with each step; here the cache is float32 and the logits',
    'come back to JavaScript. wllama runs in headless Chromium in its default configuration: batches of 64,',
    'flash attention or none and a cache in float32 made no more than a tenth of difference. onnxruntime-web is given the past with',
    'each step, since its wasm provider keeps nothing between two. Memory is the peak of the process, for',
    'wllama of all processes of the browser.',
    '',
    `![${chartSentence(results)}](${chartPath(threads)})`,
    '',
    ...renderTable([
      [
        'subject',
        'load',
        `first token at ${first}`,
        'peak MB',
        ...contexts.flatMap((context) => [`prefill ${context}`, `decode ${context}`]),
      ],
      ...results.map((result) => row(result, contexts)),
    ]),
    '',
    ...ratios(results, contexts, threads),
    '',
    ...results.flatMap(({ subject, leftOut }) =>
      leftOut.map((reason) => `- Left out: ${titleOf(subject)}, ${reason}.`),
    ),
  ].join('\n');
}

function row(result: SubjectResult, contexts: readonly number[]): string[] {
  const { subject, loadSeconds, firstTokenSeconds, peakBytes, points } = result;
  const cells = contexts.flatMap((context) => {
    const point = points.find((one) => one.context === context);
    return point ? [point.prefillRate.toFixed(1), point.decodeRate.toFixed(1)] : ['–', '–'];
  });
  const seconds = (value: number | undefined) =>
    value === undefined ? '–' : `${value.toFixed(2)} s`;
  const megabytes = peakBytes === undefined ? '–' : (peakBytes / 1e6).toFixed(0);
  return [titleOf(subject), seconds(loadSeconds), seconds(firstTokenSeconds), megabytes, ...cells];
}

type Unthreaded = Omit<Subject, 'threads'>;

/** The comparisons that somebody who chooses a runtime makes, with equal threads. */
const PAIRS: readonly (readonly [Unthreaded, Unthreaded])[] = [
  [own('T6-small', 'q8'), own('T6-small', 'f32')],
  [own('T6-small', 'q4'), own('T6-small', 'f32')],
  ...(['MHA-12', 'GQA-22/2'] as const).map(
    (model) => [own('T6-small', 'q8'), { ...own(model, 'q8'), runtime: 'llama.cpp' }] as const,
  ),
  [own('T6-small', 'q8'), { ...own('MHA-12', 'q8'), runtime: 'wllama' }],
  ...(['MHA-12', 'GQA-22/2'] as const).map((model) => beside('llama.cpp', own(model, 'q8'))),
  beside('wllama', own('MHA-12', 'q8')),
  beside('wllama', own('MHA-12', 'q4')),
  beside('onnxruntime-web', own('T6-small', 'f32')),
];

function own(model: Subject['model'], dtype: Subject['dtype']): Unthreaded {
  return { runtime: 'tpa-wasm', model, dtype };
}

/** The same model in both runtimes. */
function beside(
  runtime: Subject['runtime'],
  subject: Unthreaded,
): readonly [Unthreaded, Unthreaded] {
  return [subject, { ...subject, runtime }];
}

/** Its title; this library goes without saying. */
function shortTitle(subject: Subject): string {
  return titleOf(subject).replace(/^tpa-wasm /, '');
}

/** Subjects with each number of threads against one another, and all with more threads than the least. */
function pairsOf(results: readonly SubjectResult[], threads: readonly number[]) {
  const equal = threads.flatMap((count) =>
    PAIRS.map((pair) => pair.map((subject) => ({ ...subject, threads: count }))),
  );
  const [least, ...more] = threads;
  const scaled = results.flatMap(({ subject }) =>
    more
      .filter((count) => count === subject.threads)
      .map(() => [subject, { ...subject, threads: least! }]),
  );
  return [...equal, ...scaled];
}

function ratios(
  results: readonly SubjectResult[],
  contexts: readonly number[],
  threads: readonly number[],
): string[] {
  const cells = (...pair: readonly Subject[]) =>
    contexts.flatMap((context) => {
      const [one, other] = pair.map((subject) =>
        results
          .find((result) => titleOf(result.subject) === titleOf(subject))
          ?.points.find((point) => point.context === context),
      );
      if (!one || !other) return ['–', '–'];
      return [ratio(one, other, 'prefillRounds'), ratio(one, other, 'decodeRounds')];
    });
  return renderTable([
    [
      'times as fast',
      ...contexts.flatMap((context) => [`prefill ${context}`, `decode ${context}`]),
    ],
    ...pairsOf(results, threads)
      .map((pair) => [pair.map(shortTitle).join(' ÷ '), ...cells(...pair)])
      .filter(([, ...found]) => found.some((cell) => cell !== '–')),
  ]);
}

/** The median over rounds of one over the other. */
function ratio(a: Point, b: Point, rounds: 'prefillRounds' | 'decodeRounds'): string {
  return median(a[rounds].map((rate, round) => rate / b[rounds][round]!)).toFixed(2);
}
