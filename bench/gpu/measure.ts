import { median } from '../median.ts';
import { Budget } from './budget.ts';
import type { ModelForm } from './random-model.ts';
import { openContenders, type Places } from './open.ts';
import { timeContext, timeFailover, timePrefill, timeRoom, timeSmoothness } from './phases.ts';
import type { ContextResult, GpuResult } from './result.ts';
import type { Contenders } from './timing.ts';

/** What is measured, and how long it may take. */
export interface Plan {
  readonly minutes: number;
  readonly contexts: readonly number[];
  /** Prompt lengths, the longest first; the longest that fits is timed. */
  readonly prompts: readonly number[];
  readonly forms: { readonly tpa: ModelForm; readonly gqa: ModelForm };
}

/** Share of the time at which each phase is over. */
const END = { prefill: 0.2, decode: 0.65, smoothness: 0.92 } as const;
/** Tokens of the prompt that is checked, and whose factors fill the contexts. */
const CHECKED = 64;
const FAILOVER_CONTEXT = 4096;
/** A step at twice the context takes at most so many times as long, caches included. */
const GROWTH = 2.2;
const MOST_ROOM_REPEATS = 5;

/**
 * Times everything that the budget allows, and says what it did not.
 *
 * @param onLine told what is being done
 * @throws NoAdapterError; Error where the GPU computes something else than the CPU
 */
export async function measure(
  { minutes, contexts, prompts, forms }: Plan,
  places: Places,
  onLine: (line: string) => void,
): Promise<GpuResult> {
  const budget = new Budget(60 * minutes);
  const { contenders, facts } = await openContenders(forms, promptOf(CHECKED), places);
  onLine(`${facts.adapter}, onnxruntime-web ${facts.version}: open after ${format(budget.spent)}`);
  const skipped: string[] = [];

  const prefill =
    budget.left(END.prefill) > 0
      ? await timePrefill(contenders, prompts, promptOf, END.prefill, budget)
      : undefined;
  onLine(`prefill of ${prefill?.tokens ?? 'nothing'}: after ${format(budget.spent)}`);
  if (prefill?.tokens !== prompts[0]) {
    skipped.push(`a prefill of ${prompts[0]} tokens does not fit in the time`);
  }

  const measured = await timeContexts(contenders, contexts, budget, onLine, skipped);
  const stepSeconds = stepAt(measured, FAILOVER_CONTEXT);
  const bytesRead = { tpa: contenders.tpa.bytesRead, gqa: contenders.gqa.bytesRead };

  const first = measured[0];
  const canRepeat = first && budget.left(END.smoothness) > 20 * median(first.rounds.gqa);
  const room =
    first && canRepeat
      ? await timeRoom(contenders.gqa, first.tokens, MOST_ROOM_REPEATS)
      : undefined;
  const smoothTime = budget.left(END.smoothness);
  const smoothness = await timeSmoothness(contenders, stepSeconds, smoothTime);
  if (smoothness === undefined) skipped.push('the smoothness of steps does not fit in the time');
  onLine(`smoothness: after ${format(budget.spent)}`);
  const failover = await timeFailover(contenders, FAILOVER_CONTEXT, stepSeconds);
  if (failover === undefined) skipped.push('the step was done before the device could be closed');
  contenders.gqa.dispose();
  contenders.cpu.dispose();
  onLine(`device lost: after ${format(budget.spent)}`);
  return {
    ...facts,
    bytesRead,
    contexts: measured,
    ...(prefill === undefined ? {} : { prefill }),
    ...(room === undefined ? {} : { room }),
    ...(smoothness === undefined ? {} : { smoothness }),
    ...(failover === undefined ? {} : { failover }),
    skipped,
  };
}

/** Contexts from the smallest on, until the next would not fit. */
async function timeContexts(
  contenders: Contenders,
  contexts: readonly number[],
  budget: Budget,
  onLine: (line: string) => void,
  skipped: string[],
): Promise<ContextResult[]> {
  const found: ContextResult[] = [];
  const slice = budget.left(END.decode) / contexts.length;
  let needed = 0;
  for (const [at, tokens] of contexts.entries()) {
    if (needed > budget.left(END.decode)) {
      const left = contexts.slice(at).map((count) => count.toLocaleString('en-US'));
      skipped.push(`contexts of ${left.join(', ')} tokens do not fit in the time`);
      break;
    }
    const start = budget.spent;
    const context = await timeContext(contenders, tokens, slice / 2, budget);
    found.push(context);
    const { cpu, tpa, gqa } = context.rounds;
    const rounds = [cpu, tpa, gqa].map(median);
    const timed = cpu.length * rounds.reduce((sum, seconds) => sum + seconds, 0);
    const fixed = budget.spent - start - timed;
    const growth = Math.max(1, ((contexts[at + 1] ?? tokens) / tokens) * (GROWTH / 2));
    needed = growth * (fixed + (3 / cpu.length) * timed);
    onLine(
      `${tokens} cached tokens: ${rounds.map(format).join(', ')}; after ${format(budget.spent)}`,
    );
  }
  return found;
}

/** Seconds of TPA's step on the GPU at about this context. */
function stepAt(contexts: readonly ContextResult[], tokens: number): number {
  const distance = (context: ContextResult) => Math.abs(Math.log(context.tokens / tokens));
  const [nearest] = contexts.toSorted((a, b) => distance(a) - distance(b));
  if (nearest === undefined) return Number.POSITIVE_INFINITY;
  return median(nearest.rounds.tpa) * Math.max(1, tokens / nearest.tokens);
}

/** Ids of a prompt; which ones does not matter. */
function promptOf(tokens: number): number[] {
  return Array.from({ length: tokens }, (_, at) => (at * 31) % 61);
}

function format(seconds: number): string {
  return `${seconds.toPrecision(3)} s`;
}
