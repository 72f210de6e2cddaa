import { gqaSmallForm, t6SmallForm } from './forms.ts';
import type { Plan } from './measure.ts';

/** What of a plan is a matter of time. */
export type PlanSizes = Pick<Plan, 'minutes' | 'contexts'>;

const PROMPTS = [512, 256, 128, 64];
/** Tokens that smoothness and the lost device need, whatever the contexts are. */
const LEAST_CONTEXT = 8192;

/** What is measured of T6-small and its counterpart. */
export function planOf({ minutes, contexts }: PlanSizes): Plan {
  // a step evaluates one token more, and the cache of the GPU grows by whole blocks
  const room = Math.max(LEAST_CONTEXT, ...contexts) + 64;
  return {
    minutes,
    contexts,
    prompts: PROMPTS,
    forms: { tpa: t6SmallForm(room), gqa: gqaSmallForm(room) },
  };
}
