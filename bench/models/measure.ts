import { median } from '../median.ts';
import { modelPath } from './model-files.ts';
import { findPeer, isPeer } from './peers.ts';
import { RemoteContender } from './remote.ts';
import { type Subject, titleOf } from './subjects.ts';

/** What is timed. */
export interface Plan {
  readonly subjects: readonly Subject[];
  /** How many they have, ascending. */
  readonly threads: readonly number[];
  readonly contexts: readonly number[];
  readonly rounds: number;
  /** Tokens generated in a round. */
  readonly decoded: number;
  /** A context whose filling would take longer is left out, by name. */
  readonly fillSeconds: number;
}

/** A subject at a context. */
export interface Point {
  readonly context: number;
  /** Tokens a second from the shortest context on, or from none. */
  readonly prefillRate: number;
  /** Tokens a second: the median of the rounds. */
  readonly decodeRate: number;
  /** Of each round, in order: entry `i` of two subjects ran within the same minute. */
  readonly decodeRounds: readonly number[];
  readonly prefillRounds: readonly number[];
}

/** What was found of a subject. */
export interface SubjectResult {
  readonly subject: Subject;
  readonly loadSeconds?: number;
  /** After the prompt of the shortest context, the median of the rounds. */
  readonly firstTokenSeconds?: number;
  readonly peakBytes?: number;
  readonly points: readonly Point[];
  /** What was left out, and why. */
  readonly leftOut: readonly string[];
}

/** A subject while it is measured. */
interface Run {
  readonly subject: Subject;
  readonly contender: RemoteContender;
  readonly loadSeconds: number;
  readonly points: Point[];
  readonly leftOut: string[];
  firstTokenSeconds: number;
  peakBytes: number;
  /** The last rate of a prefill. */
  rate: number;
}

/**
 * Times every subject at every context: those of a context in turns, round by round, so that a slow
 * spell of a shared machine hits all of them alike. Only one computes at a time.
 *
 * @param folder where models are made
 * @param onContext told what is known after each context, so that a run that is ended leaves it
 */
export async function measure(
  folder: string,
  plan: Plan,
  onLine: (line: string) => void,
  onContext: (results: readonly SubjectResult[]) => Promise<void>,
): Promise<void> {
  const opened: (Run | SubjectResult)[] = [];
  for (const subject of plan.subjects) opened.push(await open(folder, subject, plan, onLine));
  const runs = opened.filter((run): run is Run => 'contender' in run);
  try {
    for (const context of plan.contexts) {
      await measureContext(runs, context, plan, onLine);
      for (const run of runs) run.peakBytes = await run.contender.peakBytes();
      await onContext(opened);
    }
  } finally {
    for (const { contender } of runs) await contender.dispose();
  }
}

async function open(
  folder: string,
  subject: Subject,
  { contexts, decoded }: Plan,
  onLine: (line: string) => void,
): Promise<Run | SubjectResult> {
  const peer = isPeer(subject.runtime) ? findPeer(subject.runtime) : { modules: '' };
  if (peer === undefined) return { subject, points: [], leftOut: ['it is not installed'] };
  // llama.cpp takes memory for all of its context when it starts
  const contextLength = Math.ceil((contexts.at(-1)! + 2 * decoded) / 256) * 256;
  const path = subject.runtime === 'onnxruntime-web' ? '' : modelPath(folder, subject);
  const opening = { subject, path, modules: peer.modules, contextLength };
  const contender = new RemoteContender(opening);
  try {
    const loadSeconds = await contender.open();
    onLine(`${titleOf(subject)}: loaded in ${loadSeconds.toFixed(2)} s`);
    const none = { firstTokenSeconds: Number.NaN, peakBytes: Number.NaN, rate: Number.NaN };
    return { subject, contender, loadSeconds, points: [], leftOut: [], ...none };
  } catch (error) {
    await contender.dispose();
    return { subject, points: [], leftOut: [`does not load: ${String(error)}`] };
  }
}

async function measureContext(
  runs: readonly Run[],
  context: number,
  { contexts, rounds, decoded, fillSeconds }: Plan,
  onLine: (line: string) => void,
): Promise<void> {
  const isFirst = context === contexts[0];
  const able = runs.filter((run) => run.leftOut.length === 0);
  const prefills = new Map(able.map((run) => [run, [] as number[]]));
  const decodes = new Map(able.map((run) => [run, [] as number[]]));
  for (const run of able) {
    const before = isFirst ? 0 : run.points.at(-1)!.context;
    const expected = (context - before) / run.rate;
    if (expected > fillSeconds) {
      run.leftOut.push(`${context} tokens of context: filling takes ${expected.toFixed(0)} s`);
      prefills.delete(run);
      continue;
    }
    if (isFirst) {
      await run.contender.prefill(context); // engines optimise on the first call
    } else {
      const { tokens, seconds } = await run.contender.extend(context);
      prefills.get(run)!.push(tokens / seconds);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const [run, rates] of prefills) {
      if (isFirst) rates.push(context / (await run.contender.prefill(context)));
      decodes.get(run)!.push(1 / (await run.contender.decode(decoded)));
    }
  }
  for (const [run, prefillRounds] of prefills) {
    const decodeRounds = decodes.get(run)!;
    run.rate = median(prefillRounds);
    if (isFirst) run.firstTokenSeconds = context / run.rate;
    const decodeRate = median(decodeRounds);
    run.points.push({ context, prefillRate: run.rate, decodeRate, decodeRounds, prefillRounds });
    const [prefill, decode] = [run.rate, decodeRate].map((rate) => rate.toFixed(1));
    onLine(`${titleOf(run.subject)} at ${context}: prefill ${prefill}, decode ${decode} tokens/s`);
  }
}
